"""Serves one file as S3 does, whatever it is asked for: usage: serving_s3.py FILE. Writes its port as the first line.

moto copies the whole file for each range that is asked of it, so that it is the only thing that would be measured."""
import os, re, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
file = open(sys.argv[1], "rb")
size = os.fstat(file.fileno()).st_size
LISTING = b'<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>box</Name><KeyCount>0</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated></ListBucketResult>'
class H(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *a): pass
    def head(self):
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        first, last = (int(asked[1]), min(size - 1, int(asked[2] or size))) if asked else (0, size - 1)
        self.send_response(206 if asked else 200)
        if asked: self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        self.send_header("Content-Length", str(last - first + 1)); self.send_header("ETag", '"0123456789abcdef0123456789abcdef-128"')
        self.send_header("Last-Modified", "Tue, 01 Jan 2030 00:00:00 GMT"); self.send_header("Accept-Ranges", "bytes"); self.end_headers()
        return first, last
    def do_HEAD(self): self.head()
    def do_GET(self):
        if self.path.split("?")[0].count("/") < 2:
            self.send_response(200); self.send_header("Content-Type", "application/xml"); self.send_header("Content-Length", str(len(LISTING))); self.end_headers(); self.wfile.write(LISTING)
            return
        first, last = self.head()
        self.wfile.flush()
        while first <= last: first += os.sendfile(self.connection.fileno(), file.fileno(), first, last - first + 1)
s = ThreadingHTTPServer(("127.0.0.1", 0), H); print(s.server_port, flush=True); s.serve_forever()
