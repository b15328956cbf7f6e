"""Answers as S3 does and keeps nothing, so that what is measured is the client. Writes its port as the first line."""
import hashlib, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class H(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *a): pass
    def body(self):
        if self.headers.get("Transfer-Encoding") == "chunked":
            out = b""
            while True:
                n = int(self.rfile.readline().split(b";")[0], 16)
                out += self.rfile.read(n); self.rfile.readline()
                if not n: return out
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))
    def do_PUT(self):
        b = self.body()
        if "aws-chunked" in (self.headers.get("Content-Encoding") or ""):
            i = b.index(b"\r\n"); n = int(b[:i].split(b";")[0], 16); b = b[i+2:i+2+n]
        self.send_response(200); self.send_header("ETag", '"%s"' % hashlib.md5(b).hexdigest()); self.send_header("Content-Length", "0"); self.end_headers()
    def do_GET(self):
        x = b'<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>box</Name><KeyCount>0</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated></ListBucketResult>'
        self.send_response(200); self.send_header("Content-Type", "application/xml"); self.send_header("Content-Length", str(len(x))); self.end_headers(); self.wfile.write(x)
s = ThreadingHTTPServer(("127.0.0.1", 0), H); print(s.server_port, flush=True); s.serve_forever()
