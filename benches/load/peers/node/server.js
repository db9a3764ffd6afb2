// The peer: socket.io with rooms, better-sqlite3 in its documented way, one
// transaction a message under synchronous=FULL, delivery after the commit.
'use strict';

const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const Database = require('better-sqlite3');
const { Server } = require('socket.io');

const folder = process.env.DATA;
fs.mkdirSync(folder, { recursive: true });
const db = new Database(path.join(folder, 'node.db'));
db.pragma('journal_mode = WAL');
db.pragma('synchronous = FULL');
db.exec(`
create table if not exists conversations (
    id integer primary key, visitor text not null, last_message integer not null,
    last_at integer not null, unread integer not null) strict;
create index if not exists conversations_by_age on conversations (last_at desc);
create table if not exists messages (
    id integer primary key, conversation integer not null, body text not null,
    at integer not null) strict;
create index if not exists messages_by_conversation on messages (conversation, id);`);
const insertMessage = db.prepare(
  'insert into messages (conversation, body, at) values (?, ?, ?)');
const updateConversation = db.prepare(`
  insert into conversations (id, visitor, last_message, last_at, unread)
  values (@conversation, 'Client ' || @conversation, @id, @at, 1)
  on conflict (id) do update set last_message = @id, last_at = @at, unread = unread + 1`);
const store = db.transaction((conversation, body, at) => {
  const id = insertMessage.run(conversation, body, at).lastInsertRowid;
  updateConversation.run({ conversation, id, at });
  return id;
});

const server = http.createServer((request, response) => {
  response.writeHead(request.url === '/healthz' ? 200 : 404, { 'content-length': 0 });
  response.end();
});
const io = new Server(server, { serveClient: false, transports: ['websocket'] });
io.on('connection', (socket) => {
  const { role, conversation, agent } = socket.handshake.query;
  if (role === 'agent') socket.join(`agent ${agent}`);
  socket.on('post', ({ n, body }) => {
    const at = Date.now();
    const id = store(Number(conversation), body, at);
    io.to(`agent ${agent}`).emit('line', { id, conversation, at, body });
    socket.emit('stored', { n, id });
  });
});
process.on('SIGTERM', () => process.exit(0));
server.listen({ port: Number(process.env.PORT), host: '127.0.0.1', backlog: 4096 });
