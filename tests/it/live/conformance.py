"""Our sockets, judged by two implementations of RFC 6455 that are not ours: wsproto
reads every frame that comes back, websockets holds a whole conversation. Each
expectation names the section it stands in. One line for each that does not hold."""

import asyncio
import itertools
import json
import socket
import sys

import websockets
from wsproto import ConnectionType, WSConnection
from wsproto.events import (AcceptConnection, CloseConnection, Message, Ping, Pong,
                            RejectConnection, Request, TextMessage)
from wsproto.utilities import ProtocolError

HOST, COOKIE, TOKEN = sys.argv[1:4]
PATIENCE = 10

PING = json.dumps({'t': 'ping'}).encode()
HELLO = {'t': 'hello', 'token': TOKEN}
# Characters of two, three and four bytes.
ACCENTS = 'é€𝄞'


class Door:
    """A kind of socket: where it is, and what it says that must be answered."""

    def __init__(self, name, path, headers, enters, said, answer, accented):
        self.name, self.path, self.headers, self.enters = name, path, headers, enters
        self.said, self.answer, self.accented = said, answer, accented


def written(signal):
    return json.dumps(signal, ensure_ascii=False).encode()


AGENT = {'cookie': COOKIE, 'origin': 'http://' + HOST}
DOORS = [
    Door('agent', '/live?after=0&epoch=&view=', AGENT, [], PING, 'pong',
         [written({'t': 'typing', 'conversation': ACCENTS, 'on': True}), PING]),
    Door('visitor', '/w/v1/live', {}, [written(HELLO)], PING, 'pong',
         [written({'t': 'typing', 'on': True, 'text': ACCENTS}), PING]),
    Door('visitor before the first word', '/w/v1/live', {}, [], written(HELLO), 'welcome',
         [written({**HELLO, 'epoch': ACCENTS})]),
]

TEXT, BINARY, CLOSE, A_PING, A_PONG, MORE, FIN = 1, 2, 8, 9, 10, 0, 0x80
MASK = b'\x37\xfa\x21\x3d'


def masked(data):
    return bytes(byte ^ mask for byte, mask in zip(data, itertools.cycle(MASK)))


def frame(first, data=b'', size=None, mask=True):
    """`size`: the form of the length, where it is not the shortest."""
    length, bit = len(data), FIN if mask else 0
    size = size or (1 if length < 126 else 2 if length < 65536 else 8)
    head = {1: [bit | length], 2: [bit | 126], 8: [bit | 127]}[size]
    long = b'' if size == 1 else length.to_bytes(size, 'big')
    body = MASK + masked(data) if mask else data
    return bytes([first, *head]) + long + body


def closing(code, reason=b''):
    return frame(FIN | CLOSE, code.to_bytes(2, 'big') + reason)


def cut(data, *places):
    """A text in fragments, cut there."""
    edges = [0, *places, len(data)]
    parts = [data[a:b] for a, b in zip(edges, edges[1:])]
    last = len(parts) - 1
    return [frame((TEXT if n == 0 else MORE) | (FIN if n == last else 0), part)
            for n, part in enumerate(parts)]


def text(data):
    return frame(FIN | TEXT, data)


def cases(door):
    """Section, what it is about, the frames, and what comes back: an answer, a pong with
    its bytes, a code of closing."""
    said, answer = door.said, ('says', door.answer)
    half = len(said) // 2
    first, rest = door.accented[0], [text(it) for it in door.accented[1:]]
    accent = first.index(ACCENTS.encode())

    yield '5.6', 'a text in one frame', [text(said)], [answer]
    yield '5.2', 'a length in the shortest form of two bytes', \
        [text(said + b' ' * 126)], [answer]
    yield '5.4', 'a text in two fragments', cut(said, half), [answer]
    yield '5.4', 'a text in five fragments', cut(said, 1, 2, 3, half), [answer]
    yield '5.4', 'fragments without bytes', cut(said, 0, half, half, len(said)), [answer]
    for place in range(accent + 1, accent + len(ACCENTS.encode())):
        yield '5.4', f'a character in two fragments, at {place - accent}', \
            cut(first, place) + rest, [answer]
    a, b = cut(said, half)
    ping = frame(FIN | A_PING, b'still there?')
    yield '5.4', 'a ping between two fragments', [a, ping, b], \
        [('pongs', b'still there?'), answer]
    yield '5.4', 'a pong between two fragments', [a, frame(FIN | A_PONG, b'x'), b], [answer]
    yield '5.4', 'a farewell between two fragments', [a, closing(1000)], [('closes', 1000)]
    yield '5.4', 'two texts in fragments, one after the other', \
        [*cut(said, half), ping, *cut(PING, 3)], \
        [answer, ('pongs', b'still there?'), ('says', 'pong')]

    for bytes_ in (b'', b'\x00\xff\xfe\x80', b'x' * 125):
        yield '5.5.2', f'a ping of {len(bytes_)} bytes', \
            [frame(FIN | A_PING, bytes_)], [('pongs', bytes_)]
    yield '5.5.2', 'three pings', [frame(FIN | A_PING, it) for it in (b'a', b'b', b'c')], \
        [('pongs', b'a'), ('pongs', b'b'), ('pongs', b'c')]
    yield '5.5.3', 'a pong that nobody asked for', \
        [frame(FIN | A_PONG, b'x'), text(said)], [answer]

    broken = [('closes', 1002)]
    yield '5.1', 'a frame without a mask', [frame(FIN | TEXT, said, mask=False)], broken
    yield '5.1', 'a ping without a mask', [frame(FIN | A_PING, b'x', mask=False)], broken
    for bit in (0x40, 0x20, 0x10, 0x70):
        yield '5.2', f'reserved bits {bit:#x} of a text', [frame(FIN | bit | TEXT, said)], broken
        yield '5.2', f'reserved bits {bit:#x} of a ping', [frame(FIN | bit | A_PING)], broken
    yield '5.2', 'a reserved bit of a later fragment', \
        [a, frame(FIN | 0x40 | MORE, said[half:])], broken
    for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
        yield '5.2', f'opcode {opcode}', [frame(FIN | opcode, b'x')], broken
        yield '5.2', f'opcode {opcode} between fragments', [a, frame(FIN | opcode)], broken
    yield '5.2', 'a length of two bytes where one would do', \
        [frame(FIN | TEXT, said, size=2)], broken
    yield '5.2', 'a length of eight bytes where two would do', \
        [frame(FIN | TEXT, said + b' ' * 126, size=8)], broken
    yield '5.2', 'a length with its highest bit set', \
        [bytes([FIN | TEXT, FIN | 127, 0x80, 0, 0, 0, 0, 0, 0, 1])], broken
    yield '5.4', 'a continuation of nothing', [frame(FIN | MORE, said)], broken
    yield '5.4', 'a part of nothing', [frame(MORE, said)], broken
    yield '5.4', 'a continuation after the end', \
        [*cut(said, half), frame(FIN | MORE, b'x')], [answer, *broken]
    yield '5.4', 'a text inside another', [a, text(said)], broken
    yield '5.4', 'bytes inside a text', [a, frame(FIN | BINARY, b'x')], broken
    for opcode in (CLOSE, A_PING, A_PONG):
        yield '5.5', f'control frame {opcode} in fragments', [frame(opcode, b'')], broken
        yield '5.5', f'control frame {opcode} of 126 bytes', \
            [frame(FIN | opcode, b'\x03\xe8' + b'x' * 124)], broken

    for bad in (b'\xff', b'\x80', b'\xc0\xaf', b'\xed\xa0\x80', b'\xf4\x90\x80\x80',
                b'\xf8\x88\x80\x80\x80', b'\xc3', b'\xf0\x9d\x84'):
        spoilt = b'"' + bad
        yield '8.1', f'no UTF-8: {bad.hex()}', [text(spoilt)], [('closes', 1007)]
        yield '8.1', f'no UTF-8 in two fragments: {bad.hex()}', cut(spoilt, 2), [('closes', 1007)]
        yield '8.1', f'no UTF-8 around a ping: {bad.hex()}', \
            [frame(TEXT, spoilt[:1]), ping, frame(FIN | MORE, spoilt[1:])], \
            [('pongs', b'still there?'), ('closes', 1007)]
    yield '8.1', 'a character that is broken off by the next fragment', \
        [frame(TEXT, b'"\xe2\x82'), frame(FIN | MORE, b'x"')], [('closes', 1007)]

    yield '7.4.1', 'bytes, where only text is spoken', \
        [frame(FIN | BINARY, b'x')], [('closes', 1003)]
    head = bytes([FIN | TEXT, FIN | 127])
    for length in (2**16, 2**32, 2**40, 2**63 - 1):
        yield '7.4.1', f'the head alone of {length} bytes', \
            [head + length.to_bytes(8, 'big')], [('closes', 1009)]
    yield '7.4.1', 'the head alone of 65535 bytes', \
        [bytes([FIN | TEXT, FIN | 126, 255, 255])], [('closes', 1009)]
    yield '10.4', 'fragments that are too much together', \
        [frame(TEXT, b' ' * 4000), frame(MORE, b' ' * 4000)], [('closes', 1009)]

    # Any code may answer none; ours says that all is well.
    yield '5.5.1', 'a farewell without a code', [frame(FIN | CLOSE)], [('closes', 1000)]
    yield '5.5.1', 'a farewell of one byte', [frame(FIN | CLOSE, b'\x03')], broken
    yield '5.5.1', 'a reason that is no UTF-8', [closing(1000, b'\xff')], [('closes', 1007)]
    yield '5.5.1', 'a reason of 123 bytes', [closing(1000, b'x' * 123)], [('closes', 1000)]
    yield '5.5.1', 'a ping after the farewell', [closing(1000), ping], [('closes', 1000)]
    yield '5.5.1', 'nonsense after the farewell', [closing(1000), b'\xff' * 50], [('closes', 1000)]
    for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999):
        yield '7.4', f'a farewell with {code}', [closing(code)], [('closes', code)]
    for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535):
        yield '7.4', f'a farewell with {code}, which may not be sent', [closing(code)], broken


addresses = itertools.count(1)


class Socket:
    def __init__(self, door):
        name, port = HOST.split(':')
        self.tcp = socket.create_connection((name, int(port)), PATIENCE)
        self.tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.ws = WSConnection(ConnectionType.CLIENT)
        n = next(addresses)
        headers = {**door.headers, 'x-forwarded-for': f'198.18.{n >> 8}.{n & 255}'}
        headers = [(key.encode(), value.encode()) for key, value in headers.items()]
        self.tcp.sendall(self.ws.send(Request(host=HOST, target=door.path, extra_headers=headers)))
        opened = self.next()
        assert isinstance(opened, AcceptConnection), opened
        for said in door.enters:
            self.tcp.sendall(self.ws.send(TextMessage(said.decode())))
        if door.name != DOORS[-1].name:
            self.next()

    def send(self, data, by):
        try:
            for start in range(0, len(data), by):
                self.tcp.sendall(data[start:start + by])
        except (BrokenPipeError, ConnectionResetError):
            pass  # It was heard enough.

    def next(self):
        while True:
            for event in self.ws.events():
                if not isinstance(event, Ping):
                    return event
            data = self.tcp.recv(65536)
            self.ws.receive_data(data or None)

    def hears(self):
        event = self.next()
        if isinstance(event, Message):
            return 'says', json.loads(event.data).get('t')
        if isinstance(event, Pong):
            return 'pongs', bytes(event.payload)
        if isinstance(event, CloseConnection):
            return 'closes', int(event.code)
        return 'does', repr(event)

    def is_over(self):
        """7.1.1: the server ends the connection, after the farewells of both."""
        try:
            return self.tcp.recv(1) == b''
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False


def judge(it, door, frames, expected, by):
    try:
        it.send(b''.join(frames), by)
        heard = [it.hears() for _ in expected]
        if heard != expected:
            return f'{heard} in place of {expected}'
        if expected[-1][0] == 'closes':
            return None
        # Whatever came before, it goes on.
        greeted = ('says', door.answer) in expected
        then, answer = (PING, 'pong') if greeted else (door.said, door.answer)
        it.send(text(then), by)
        heard = it.hears()
        return None if heard == ('says', answer) else f'afterwards {heard}'
    except ProtocolError as error:
        return f'wsproto does not accept it: {error}'
    except TimeoutError:
        return 'nothing'


async def converse(door):
    """A whole conversation, with a client as people use it; it offers compression, too."""
    headers = {key: value for key, value in door.headers.items() if key != 'origin'}
    headers['x-forwarded-for'] = '198.19.0.1'
    url = f'ws://{HOST}{door.path}'
    async with websockets.connect(url, origin=door.headers.get('origin'),
                                  extra_headers=headers) as it:
        assert not it.extensions, it.extensions
        for said in door.enters:
            await it.send(said.decode())
        if door.name != DOORS[-1].name:
            await it.recv()
        await it.send([door.said.decode()[:7], '', door.said.decode()[7:]])
        assert json.loads(await it.recv())['t'] == door.answer
        await (await it.ping(b'there?'))
        await it.pong(b'unasked')
        await it.send(PING.decode())
        assert json.loads(await it.recv())['t'] == 'pong'
        await it.close(4000, 'enough')
        assert it.close_code == 4000, it.close_code


def main():
    failed = total = 0
    ending = []

    def hold(door, section, about, wrong):
        nonlocal failed, total
        total += 1
        if wrong:
            failed += 1
            print(f'RFC 6455 {section}, {door.name}: {about}: {wrong}', flush=True)

    for door in DOORS:
        for section, about, frames, expected in cases(door):
            for by, how in ((1 << 20, ''), (1, ', byte by byte')):
                it = Socket(door)
                wrong = judge(it, door, frames, expected, by)
                hold(door, section, about + how, wrong)
                if expected[-1][0] == 'closes' and not wrong:
                    ending.append((door, about + how, it))
                else:
                    it.tcp.close()
        asyncio.run(asyncio.wait_for(converse(door), PATIENCE))
    for door, about, it in ending:
        hold(door, '7.1.1', about, None if it.is_over() else 'the connection goes on')
        it.tcp.close()
    print(f'{total - failed} of {total} hold')
    return failed != 0


sys.exit(main())
