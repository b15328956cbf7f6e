"""A small S3 in memory that checks every signature and fails as it is told: `s3_faults.py PLAN`.

PLAN is JSON: {"faults": [FAULT ...], "clock": seconds that this clock is ahead, "token": the session token of key `AK`,
"checksums": "agreed" (as Amazon, the default), "ignored" or "refused" where an upload names an algorithm}.
The secret key of `AK` is `SK`; bucket `bucket` is there. A fault is for a number of requests ("times", 1) of a "method" whose target
contains "in"; the first that fits and is not used up holds:

  {"status": 503, "code": "SlowDown", "headers": {...}}   refused
  {"do": "hangup"}      the connection ends before the request is looked at
  {"do": "lost"}        what was asked is done, and the connection ends before the answer
  {"do": "truncate", "after": N}   the answer's body ends after N bytes
  {"do": "corrupt"}     a bit of the answer's body is another
  {"do": "tag"}         the answer has another ETag
  {"do": "inside", "code": "InternalError"}   200 with an error in its body
  {"do": "whole"}       a range is not heeded
  {"do": "short", "after": N}   of a range N bytes are answered, with status 200
  {"do": "replace"}     as truncate, and the file is another one afterwards
  {"do": "kms"}         the tag is no MD5, and a header says why
  {"do": "body", "text": "..."}   200 with this body

`GET /_log` answers the requests so far as JSON. Ends when its standard input does.
"""
import base64
import email.utils
import hashlib
import http.server
import json
import os
import socket
import sys
import threading
import time
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import s3_signature  # noqa: E402

PLAN = json.loads(sys.argv[1])
FAULTS = PLAN.get("faults", [])
OBJECTS, UPLOADS, METADATA, SUMMED, LOG = {}, {}, {}, set(), []
LOCK = threading.Lock()


class Hangup(Exception):
    pass


def md5(data):
    return hashlib.md5(data).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def fault(self, kind=None):
        fault = self.chosen
        return fault if fault is not None and (kind is None or fault.get("do") == kind) else None

    def choose(self):
        with LOCK:
            for fault in FAULTS:
                if fault.get("method", self.command) == self.command and fault.get("in", "") in self.path:
                    if fault.setdefault("times", 1) > 0:
                        fault["times"] -= 1
                        return fault
        return None

    def date_time_string(self, timestamp=None):
        return email.utils.formatdate(time.time() + PLAN.get("clock", 0), usegmt=True)

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        if self.path == "/_log":
            return self.answer(200, json.dumps(LOG).encode())
        self.chosen = self.choose()
        LOG.append({"method": self.command, "target": self.path, "headers": headers, "fault": self.chosen is not None})
        try:
            if self.fault("hangup"):
                raise Hangup
            if self.fault() and "status" in self.chosen:
                return self.refuse(self.chosen["status"], self.chosen.get("code", ""), self.chosen.get("headers", {}))
            if self.fault("body"):
                return self.answer(200, self.chosen["text"].encode())
            if self.fault("inside"):
                return self.refuse(200, self.chosen["code"])
            tokens = {"AK": PLAN["token"]} if "token" in PLAN else None
            s3_signature.verify(
                self.command, self.path, headers, body, {"AK": "SK"}, tokens, time.time() + PLAN.get("clock", 0))
            if "content-md5" in headers and base64.b64decode(headers["content-md5"]) != hashlib.md5(body).digest():
                return self.refuse(400, "BadDigest")
            self.serve(headers, body)
        except s3_signature.Refused as refused:
            self.refuse(refused.status, refused.code)
        except Hangup:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_any

    def refuse(self, status, code, headers=()):
        # As Amazon does, it repeats what was signed; nobody may show that.
        text = "<?xml version=\"1.0\"?>\n<Error><Code>%s</Code><Message>signature %s</Message></Error>" % (
            code, self.headers.get("authorization"))
        self.answer(status, text.encode(), dict(headers))

    def answer(self, status, body=b"", headers=()):
        headers = dict(headers)
        if self.chosen_kind() == "lost":
            raise Hangup
        if self.chosen_kind() == "tag":
            headers["ETag"] = '"%s"' % ("0" * 32)
        if self.chosen_kind() == "kms":
            headers.update({"ETag": '"%s"' % ("1" * 32), "x-amz-server-side-encryption": "aws:kms"})
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if "Content-Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if self.chosen_kind() == "corrupt" and body:
            body = bytes([body[0] ^ 1]) + body[1:]
        if self.chosen_kind() in ("truncate", "replace"):
            self.wfile.write(body[:self.chosen["after"]])
            self.wfile.flush()
            time.sleep(0.05)
            raise Hangup
        self.wfile.write(body)

    def chosen_kind(self):
        return (getattr(self, "chosen", None) or {}).get("do")

    def serve(self, headers, body):
        path, _, query = self.path.partition("?")
        query = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        bucket, _, key = path[1:].partition("/")
        key = urllib.parse.unquote(key, errors="surrogateescape")
        if bucket != "bucket":
            return self.refuse(404, "NoSuchBucket")
        if not key:
            return self.answer(200, b"<ListBucketResult></ListBucketResult>")
        if self.command == "PUT" and "partNumber" in query:
            hash = base64.b64encode(hashlib.sha256(body).digest()).decode() if query["uploadId"] in SUMMED else None
            if headers.get("x-amz-checksum-sha256") != hash:
                return self.refuse(400, "InvalidRequest")
            UPLOADS[query["uploadId"]][int(query["partNumber"])] = body
            return self.answer(200, headers={"ETag": '"%s"' % md5(body)})
        if self.command == "POST" and "uploads" in query:
            algorithm = headers.get("x-amz-checksum-algorithm")
            if algorithm and PLAN.get("checksums") == "refused":
                return self.refuse(400, "InvalidArgument")
            name = "U%d" % len(UPLOADS)
            UPLOADS[name] = {}
            METADATA[name] = self.metadata(headers)
            agreed = {}
            if algorithm and PLAN.get("checksums", "agreed") == "agreed":
                SUMMED.add(name)
                agreed = {"x-amz-checksum-algorithm": algorithm}
            return self.answer(200, (
                "<InitiateMultipartUploadResult><UploadId>%s</UploadId></InitiateMultipartUploadResult>" % name).encode(), agreed)
        if self.command == "POST":
            if query["uploadId"] in SUMMED and body.count(b"<ChecksumSHA256>") != body.count(b"<Part>"):
                return self.refuse(400, "InvalidPart")
            return self.complete(key, query["uploadId"], headers)
        if self.command == "PUT":
            if "if-none-match" in headers and key in OBJECTS:
                return self.refuse(412, "PreconditionFailed")
            OBJECTS[key] = (body, md5(body), self.metadata(headers))
            return self.answer(200, headers={"ETag": '"%s"' % md5(body)})
        if self.command == "DELETE":
            OBJECTS.pop(key, None)
            return self.answer(204)
        if key not in OBJECTS:
            return self.refuse(404, "NoSuchKey")
        self.get(key, headers)

    def metadata(self, headers):
        return {n: v for n, v in headers.items() if n.startswith("x-amz-meta-") or n == "content-type"}

    def complete(self, key, upload, headers):
        parts = UPLOADS.pop(upload, None)
        if parts is None:
            return self.refuse(404, "NoSuchUpload")
        if "if-none-match" in headers and key in OBJECTS:
            return self.refuse(412, "PreconditionFailed")
        hashes = b"".join(hashlib.md5(parts[n]).digest() for n in sorted(parts))
        tag = "%s-%d" % (md5(hashes), len(parts))
        OBJECTS[key] = (b"".join(parts[n] for n in sorted(parts)), tag, METADATA[upload])
        text = "\n\n<?xml version=\"1.0\"?><CompleteMultipartUploadResult><ETag>&quot;%s&quot;</ETag></CompleteMultipartUploadResult>"
        self.answer(200, (text % tag).encode())

    def get(self, key, headers):
        data, tag, meta = OBJECTS[key]
        answer = {"ETag": '"%s"' % tag, "Last-Modified": "Thu, 26 Nov 2026 15:07:51 GMT", **meta}
        if "if-match" in headers and headers["if-match"] != '"%s"' % tag:
            return self.refuse(412, "PreconditionFailed")
        if self.command == "HEAD":
            return self.answer(200, headers={**answer, "Content-Length": str(len(data))})
        status = 200
        if "range" in headers and not self.fault("whole"):
            first, last = headers["range"].removeprefix("bytes=").split("-")
            first, last = int(first), min(int(last or len(data) - 1), len(data) - 1)
            if first > last:
                return self.refuse(416, "InvalidRange")
            status = 206
            if self.fault("short"):
                last, status = min(last, first + self.chosen["after"] - 1), 200
            answer["Content-Range"] = "bytes %d-%d/%d" % (first, last, len(data))
            data = data[first:last + 1]
        if self.fault("replace"):
            OBJECTS[key] = (b"another", md5(b"another"), {})
        self.answer(status, data, answer)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
print(server.server_address[1], flush=True)
server.serve_forever()
