"""moto's S3 behind a check of every signature, for tests: `s3_moto.py ID:KEY [ID:KEY:TOKEN ...]`.

Listens on a free port of the loopback interface, writes it as the first line, and ends when its standard input does.
A request whose signature is wrong is refused as Amazon does; one without any is let through where `--anonymous` is given.
"""
import io
import logging
import os
import sys
import threading

os.environ.setdefault("S3_UPLOAD_PART_MIN_SIZE", "1024")

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app  # noqa: E402
from werkzeug.serving import WSGIRequestHandler, make_server  # noqa: E402

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import s3_signature  # noqa: E402

logging.getLogger("werkzeug").setLevel(logging.ERROR)


class Checked:
    def __init__(self, application, secrets, tokens, anonymous):
        self.application, self.secrets, self.tokens, self.anonymous = application, secrets, tokens, anonymous

    def __call__(self, environ, start):
        headers = environ["raw.headers"]
        if environ.get("wsgi.input_terminated"):
            body = environ["wsgi.input"].read()
        else:
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        if not (self.anonymous and "authorization" not in headers):
            try:
                s3_signature.verify(
                    environ["REQUEST_METHOD"], environ["raw.target"], headers, body, self.secrets, self.tokens)
            except s3_signature.Refused as refused:
                text = ("<?xml version=\"1.0\"?><Error><Code>%s</Code><Message>%s</Message></Error>"
                        % (refused.code, refused.code)).encode()
                start("%d Refused" % refused.status, [
                    ("Content-Type", "application/xml"), ("Content-Length", str(len(text)))])
                return [text if environ["REQUEST_METHOD"] != "HEAD" else b""]
        return self.application(environ, start)


class Handler(WSGIRequestHandler):
    """WSGI has no underscore in a header's name and no path as it was sent."""

    def make_environ(self):
        environ = super().make_environ()
        environ["raw.headers"] = {name.lower(): value for name, value in self.headers.items()}
        environ["raw.target"] = self.requestline.split(" ")[1]
        return environ


def main():
    words = [w for w in sys.argv[1:] if not w.startswith("--")]
    keys = [w.split(":", 2) for w in words]
    secrets = {k[0]: k[1] for k in keys}
    tokens = {k[0]: k[2] for k in keys if len(k) == 3}
    application = Checked(
        DomainDispatcherApplication(create_backend_app), secrets, tokens, "--anonymous" in sys.argv)
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=Handler)
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    print(server.server_port, flush=True)
    server.serve_forever()


main()
