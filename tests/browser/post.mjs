// A real mail server for journeys: what the program sends is accepted, queued and
// filed by somebody else's code.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import {
  chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync,
} from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { end, open } from './support.mjs';

/** Why there can be no mail server here, if so: `tests/run` says it as well. */
export const noPostOffice = process.getuid() === 0 ? false : 'OpenSMTPD needs root';

/** A real mail server (OpenSMTPD) that files everything it is given. Needs root. */
export async function openPostOffice() {
  const folder = mkdtempSync(join(tmpdir(), 'shopbell-mail-'));
  const mails = join(folder, 'mails');
  mkdirSync(mails);
  chmodSync(folder, 0o755);
  chmodSync(mails, 0o777);
  const port = await freePort();
  const settings = join(folder, 'smtpd.conf');
  writeFileSync(settings, [
    'table users { "@" = "mail" }',
    `listen on 127.0.0.1 port ${port}`,
    `action "file" maildir "${mails}" virtual <users>`,
    'match from any for any action "file"', '',
  ].join('\n'));
  const child = spawn('smtpd', ['-d', '-f', settings], { env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` } });
  let told = '';
  child.stderr.on('data', (data) => { told += data; });
  child.on('error', (error) => { told += error; });
  const listening = () => new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => { socket.destroy(); resolve(true); });
    socket.on('error', () => resolve(false));
  });
  for (let tries = 0; !(await listening()); tries += 1) {
    assert.ok(tries < 200 && child.pid && child.exitCode === null, `OpenSMTPD does not start: ${told}`);
    await new Promise((resolve) => { setTimeout(resolve, 25); });
  }
  const office = {
    port,
    url: `smtp://127.0.0.1:${port}`,
    /** The next mail to somebody, headers and body as they were filed. */
    async mailTo(address) {
      for (let tries = 0; tries < 400; tries += 1) {
        const fresh = join(mails, 'new');
        const names = existsSync(fresh) ? readdirSync(fresh) : [];
        for (const name of names) {
          const mail = readFileSync(join(fresh, name), 'utf8');
          if (mail.includes(`To: ${address}`)) {
            rmSync(join(fresh, name));
            return unfold(mail);
          }
        }
        await new Promise((resolve) => { setTimeout(resolve, 25); });
      }
      throw new Error(`no mail to ${address}: ${told}`);
    },
    async close() {
      open.delete(office.close);
      await end(child);
      rmSync(folder, { recursive: true, force: true });
    },
  };
  open.add(office.close);
  return office;
}

/** Quoted-printable and base64 parts in plain sight. */
function unfold(mail) {
  const [head, ...rest] = mail.replace(/\r\n/g, '\n').split('\n\n');
  const parts = rest.join('\n\n').split(/^--/m).map((part) => {
    const [headers, ...body] = part.split('\n\n');
    const text = body.join('\n\n');
    if (/base64/i.test(headers)) return Buffer.from(text.replace(/\s/g, ''), 'base64').toString('utf8');
    if (/quoted-printable/i.test(headers)) {
      const bytes = text.replace(/=\n/g, '').replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
      return Buffer.from(bytes, 'latin1').toString('utf8');
    }
    return part;
  });
  return [head, ...parts].join('\n\n');
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
