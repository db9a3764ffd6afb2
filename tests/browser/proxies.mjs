// Real proxies with TLS in front of the program: each runs the lines of the
// README, on a port of its own, out of a folder that goes away with it.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http2 from 'node:http2';
import https from 'node:https';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { end, open, openHouse, root } from './support.mjs';

const readme = readFileSync(join(root, 'README.md'), 'utf8');
const MODULES = ['mpm_event', 'authz_core', 'socache_shmcb', 'ssl', 'http2', 'proxy', 'proxy_http'];

/** What stands around the lines of the README, and how to run it. */
const KINDS = {
  nginx: {
    file: (lines, { folder }) => `user root;\ndaemon off;\npid ${folder}/pid;\nerror_log stderr crit;\nevents {}\nhttp {\naccess_log off;\n${
      ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((it) => `${it}_temp_path ${folder}/${it};\n`).join('')}${lines}\n}\n`,
    listen: (lines, port) => lines.replace('listen 443', `listen 127.0.0.1:${port}`),
    impatient: (lines) => lines.replace('proxy_read_timeout 60s', 'proxy_read_timeout 2s'),
    run: (file) => ['nginx', ['-c', file]],
    reload: (child) => child.kill('SIGHUP'),
  },
  caddy: {
    file: (lines, { folder }) => `{\nadmin unix/${folder}/admin.sock\nauto_https disable_redirects\ndefault_bind 127.0.0.1\nskip_install_trust\nstorage file_system ${folder}\nlog {\noutput discard\n}\n}\n${lines}\n`,
    listen: (lines, port) => lines.replace('chat.example {', `chat.example:${port} {`),
    // It ends no socket for being quiet.
    impatient: undefined,
    run: (file) => ['caddy', ['run', '--config', file, '--adapter', 'caddyfile']],
    reload: (_, { file, folder }) => execFileSync('caddy', ['reload', '--config', file, '--adapter', 'caddyfile', '--address', `unix/${folder}/admin.sock`], { stdio: 'pipe' }),
  },
  apache: {
    file: (lines, { folder, port }) => `ServerRoot ${folder}\nServerName chat.example\nPidFile ${folder}/pid\nDefaultRuntimeDir ${folder}\nErrorLog ${folder}/log\nLogLevel crit\nListen 127.0.0.1:${port}\nUser www-data\nGroup www-data\n${
      MODULES.map((it) => `LoadModule ${it}_module /usr/lib/apache2/modules/mod_${it}.so\n`).join('')}${lines}\n`,
    listen: (lines, port) => lines.replace('*:443', `*:${port}`),
    impatient: (lines) => lines.replace('ProxyPreserveHost On', 'ProxyPreserveHost On\nTimeout 2\nProxyTimeout 2'),
    run: (file) => ['apache2', ['-f', file, '-DFOREGROUND']],
    // Asked kindly it waits ten seconds and more for its open sockets.
    stop: 'SIGKILL',
    reload: (child) => child.kill('SIGUSR1'),
  },
  haproxy: {
    file: (lines) => `${lines}\n`,
    listen: (lines, port) => lines.replace('bind :443', `bind 127.0.0.1:${port}`),
    impatient: (lines) => lines.replace('timeout tunnel 60s', 'timeout tunnel 2s'),
    run: (file) => ['haproxy', ['-q', '-W', '-f', file]],
    reload: (child) => child.kill('SIGUSR2'),
  },
};
export const NAMES = Object.keys(KINDS);
export const IMPATIENT = NAMES.filter((it) => KINDS[it].impatient);

/** The lines for one of them, at the root of its host or below `/chat`. */
function lines(kind, path) {
  const block = new RegExp(`\`\`\`${kind}\\n([^]*?)\`\`\``).exec(readme);
  assert.ok(block, `the README has lines for ${kind}`);
  if (!path) return block[1];
  const row = new RegExp(`\\| ${kind} \\| \`(.*?)\` \\| \`(.*?)\` \\|`).exec(readme);
  assert.ok(row && block[1].includes(row[1]), `the README says what changes for ${kind}`);
  return block[1].replace(row[1], row[2]);
}

/** A port that was free a moment ago: the public address has to be known first. */
function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = /** @type {net.AddressInfo} */ (server.address());
      server.close(() => resolve(port));
    });
  });
}

/** A certificate for chat.example that nobody vouches for. */
function certify(folder) {
  const [key, pem, both] = ['key', 'crt', 'pem'].map((it) => join(folder, `chat.${it}`));
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
    '-subj', '/CN=chat.example', '-addext', 'subjectAltName=DNS:chat.example', '-keyout', key, '-out', pem], { stdio: 'pipe' });
  writeFileSync(both, readFileSync(pem, 'utf8') + readFileSync(key, 'utf8'));
  return { key, both };
}

/** Waits until somebody speaks TLS there, or nobody does any more. */
async function answers(port, wanted = true) {
  const until = Date.now() + 20_000;
  for (;;) {
    const answered = await new Promise((resolve) => {
      const socket = tls.connect({ host: '127.0.0.1', port, servername: 'chat.example', rejectUnauthorized: false });
      socket.once('secureConnect', () => { socket.destroy(); resolve(true); });
      socket.once('error', () => resolve(false));
    });
    if (answered === wanted) return;
    assert.ok(Date.now() < until, `port ${port} ${wanted ? 'answers' : 'is quiet'}`);
    await new Promise((resolve) => { setTimeout(resolve, 50); });
  }
}

/**
 * The program behind a proxy. `change` may spoil the lines.
 * @param {string} kind
 * @param {{ path?: string, args?: string[], change?: (lines: string) => string }} [options]
 */
export async function openBehind(kind, { path = '', args = ['--trusted-proxies', '127.0.0.1'], change = (it) => it } = {}) {
  const { file, listen, impatient, run, reload, stop = 'SIGTERM' } = KINDS[kind];
  const folder = mkdtempSync(join(tmpdir(), `shopbell-${kind}-`));
  const port = await freePort();
  const house = await openHouse({ args, publicUrl: `https://chat.example:${port}${path}` });
  const { key, both } = certify(folder);
  const config = join(folder, 'proxy.conf');
  const place = { folder, port, file: config };
  let child;
  const write = (patient) => {
    let text = listen(lines(kind, path), port);
    text = text.replaceAll('127.0.0.1:8080', new URL(house.url).host.replace('localhost', '127.0.0.1'));
    text = text.replaceAll('/etc/ssl/chat.pem', both).replaceAll('/etc/ssl/chat.key', key);
    text = change(text);
    const changed = patient ? text : impatient(text);
    assert.ok(patient || changed !== text, `${kind} can be made impatient`);
    writeFileSync(config, file(changed, place));
  };
  const start = async () => {
    const [command, flags] = run(config);
    const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin`, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder };
    child = spawn(command, flags, { env, stdio: ['ignore', 'ignore', 'inherit'], detached: true });
    await answers(port);
  };
  /** With whatever it started: it leads a group of its own. */
  const quit = async () => {
    const gone = end(child, stop);
    if (stop === 'SIGKILL') process.kill(-child.pid, stop);
    await gone;
    await answers(port, false);
  };
  const proxied = {
    ...house,
    /** The program's own address. */
    inside: house.url,
    origin: `https://chat.example:${port}`,
    url: `https://chat.example:${port}${path}`,
    reload: () => reload(child, place),
    async restartProxy({ patient = true } = {}) {
      await quit();
      write(patient);
      await start();
    },
    /** From an address of one's own on this machine, over HTTP/1.1. */
    ask(target, { from = '127.0.0.1', method = 'GET', headers = {}, body = '' } = {}) {
      return new Promise((resolve, reject) => {
        const request = https.request({
          host: '127.0.0.1', port, localAddress: from, servername: 'chat.example', rejectUnauthorized: false, agent: false,
          path: path + target, method, headers: { host: `chat.example:${port}`, ...headers },
        }, (answer) => {
          let text = '';
          answer.setEncoding('utf8');
          answer.on('data', (it) => { text += it; });
          answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, text }));
        });
        request.on('error', reject);
        request.end(body);
      });
    },
    /** Over HTTP/2. */
    ask2(target) {
      return new Promise((resolve, reject) => {
        const session = http2.connect(`https://127.0.0.1:${port}`, { servername: 'chat.example', rejectUnauthorized: false });
        session.on('error', reject);
        const request = session.request({ ':path': path + target, ':authority': `chat.example:${port}` });
        request.on('error', reject);
        request.on('response', (headers) => {
          const spoken = session.alpnProtocol;
          session.destroy();
          resolve({ status: headers[':status'], headers, spoken });
        });
        request.end();
      });
    },
    async close() {
      open.delete(proxied.close);
      if (child) await quit();
      await house.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  open.delete(house.close);
  open.add(proxied.close);
  write(true);
  await start();
  return proxied;
}
