"""A real mail server (aiosmtpd) on free ports, until its standard input ends:
plain, STARTTLS, and TLS from the first byte, the last two with a name and a
password. Says the ports, and then a line for each mail that it takes."""

import asyncio
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

CERTIFICATE, KEY = sys.argv[1:3]
ADA = LoginPassword(b'ada', b'a long/secret')


class Mails:
    async def handle_DATA(self, server, session, envelope):
        secure = 'encrypted' if server.transport.get_extra_info('sslcontext') else 'plain'
        print(secure, *envelope.rcpt_tos, flush=True)
        return '250 2.0.0 taken, ' + secure


def sign_in(server, session, envelope, mechanism, data):
    return AuthResult(success=data == ADA, handled=False)


async def serve():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE, KEY)
    own = {'authenticator': sign_in, 'auth_required': True}
    doors = [
        (lambda: SMTP(Mails()), None),
        (lambda: SMTP(Mails(), tls_context=context, require_starttls=True, **own), None),
        (lambda: SMTP(Mails(), auth_require_tls=False, **own), context),
    ]
    loop = asyncio.get_running_loop()
    for protocol, encrypted in doors:
        door = await loop.create_server(protocol, '127.0.0.1', 0, ssl=encrypted)
        print(door.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


asyncio.run(serve())
