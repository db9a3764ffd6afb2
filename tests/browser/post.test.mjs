// The mail server of the journeys is real: it can refuse, and it files what it takes.

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { noPostOffice, openPostOffice } from './post.mjs';

let office;
before(async () => { if (!noPostOffice) office = await openPostOffice(); });
after(async () => { await office?.close(); });

/** Says one line after another and gives the last reply to each (RFC 5321, 4.2). */
async function talk(lines) {
  const socket = connect(office.port, '127.0.0.1');
  const replies = createInterface({ input: socket })[Symbol.asyncIterator]();
  const reply = async () => {
    for (;;) {
      const { value, done } = await replies.next();
      if (done || /^\d{3} /.test(value)) return value;
    }
  };
  const told = [await reply()];
  for (const line of lines) {
    socket.write(`${line}\r\n`);
    told.push(await reply());
  }
  socket.destroy();
  return told;
}

test('a letter that is handed in over SMTP is filed word for word', { skip: noPostOffice }, async () => {
  const letter = ['From: bell@shop.example', 'To: ann@home.example', 'Subject: Tea', '', 'Two cups, please.', '.'].join('\r\n');
  const told = await talk(['EHLO shop.example', 'MAIL FROM:<bell@shop.example>', 'RCPT TO:<ann@home.example>', 'DATA', letter, 'QUIT']);
  assert.deepEqual(told.map((it) => it.slice(0, 3)), ['220', '250', '250', '250', '354', '250', '221']);
  const mail = await office.mailTo('ann@home.example');
  assert.match(mail, /^Subject: Tea$/m);
  assert.match(mail, /Two cups, please\./);
});

test('a sender that is no address is refused', { skip: noPostOffice }, async () => {
  const told = await talk(['EHLO shop.example', 'MAIL FROM:<not an address>']);
  assert.match(told[2], /^5\d\d /);
});
