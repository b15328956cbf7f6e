#!/usr/bin/env python3
"""A blob service for tests, after the documentation of Azure's "Blob Service REST API". Standard library only.

    azure_server.py --port 0 [--account NAME] [--key BASE64]

prints its port; the account's URL is http://127.0.0.1:PORT/NAME. It verifies Shared Key and shared access signatures, dates,
hashes and conditions. `PUT /_control` with JSON changes its ways, and `GET /_control` answers what was asked of it:

    {"faults": [{"kind": ..., "times": 1, "method": "PUT", "contains": "comp=block"}],
     "page": 3, "clock_offset": 3600, "copy_polls": 2, "forget": true}

Kinds of faults: `status` (with `status`, `code`, `retry_after`), `truncate` (with `bytes` of the body that are sent), `corrupt` and
`corrupt_request` (one byte of the body), `hangup` and `hangup_after` (before, after it is done), `stall` (with `seconds`), `early` (an answer with `status` and `code` before the body came),
`whole` (where a range was asked for).
"""
import argparse, base64, calendar, datetime, email.utils, hashlib, hmac, http.server, json, os, re, shutil, signal, sys
import tempfile, threading, time, urllib.parse, xml.etree.ElementTree as XML
from xml.sax.saxutils import escape

WELL_KNOWN_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
MEMORY = 1 << 20  # A body that is larger goes to a file.
SKEW = 15 * 60


class Refusal(Exception):
    def __init__(self, status, code, message="", detail=None, headers=()):
        self.status, self.code, self.message, self.detail, self.headers = status, code, message or code, detail, list(headers)


class Piece:
    """A body that was received."""

    def __init__(self, stream, length, directory, damaged=False):
        digest, self.size, self.data, self.path = hashlib.md5(), length, None, None
        target = None
        if length > MEMORY:
            number, self.path = tempfile.mkstemp(dir=directory)
            target = os.fdopen(number, "wb")
        left, chunks = length, []
        while left > 0:
            chunk = stream.read(min(left, 1 << 20))
            if not chunk:
                raise ConnectionError("the body ended early")
            left -= len(chunk)
            if damaged:
                chunk, damaged = bytes([chunk[0] ^ 1]) + chunk[1:], False
            digest.update(chunk)
            target.write(chunk) if target else chunks.append(chunk)
        if target:
            target.close()
        else:
            self.data = b"".join(chunks)
        self.md5 = base64.b64encode(digest.digest()).decode()

    def read(self, start, end):
        if self.data is not None:
            yield self.data[start:end]
            return
        with open(self.path, "rb") as file:
            file.seek(start)
            while start < end:
                chunk = file.read(min(end - start, 1 << 20))
                start += len(chunk)
                yield chunk


class Blob:
    def __init__(self):
        self.kind, self.pieces, self.metadata, self.committed = "BlockBlob", [], {}, []
        self.md5 = self.type = self.tag = self.copy = None
        self.copy_polls = 0

    @property
    def size(self):
        return sum(piece.size for piece in self.pieces)

    def read(self, start, end):
        for piece in self.pieces:
            if start < piece.size and end > 0:
                yield from piece.read(max(start, 0), min(end, piece.size))
            start, end = start - piece.size, end - piece.size


class Service:
    def __init__(self, account, key, directory):
        self.account, self.key, self.directory = account, base64.b64decode(key), directory
        self.lock = threading.RLock()
        self.containers = {}  # name -> {"blobs": {name: Blob}, "blocks": {name: {id: Piece}}}
        self.faults, self.page, self.clock_offset, self.copy_polls, self.log, self.tags = [], 5000, 0, 0, [], 0

    def now(self):
        return time.time() + self.clock_offset

    def tag(self):
        self.tags += 1
        return "0x8D%013X" % self.tags

    def control(self, wish):
        with self.lock:
            self.faults = [dict(fault) for fault in wish.get("faults", self.faults)]
            for name in ("page", "clock_offset", "copy_polls"):
                setattr(self, name, wish.get(name, getattr(self, name)))
            if wish.get("forget"):
                self.log = []

    def fault(self, method, target, kinds):
        with self.lock:
            for fault in self.faults:
                if (fault["kind"] in kinds and fault.get("times", 1) > 0 and fault.get("method", method) == method
                        and fault.get("contains", "") in target):
                    fault["times"] = fault.get("times", 1) - 1
                    return fault


# Who asks: "Authorize with Shared Key", "Create a service SAS", "Create an account SAS".

# The service compares names of headers as Windows compares words: hyphens count last, the underscore comes before
# digits, and those before letters.
def header_order(name):
    weights = {"_": 1}
    return ([(weights.get(letter, 2), letter) for letter in name if letter != "-"], name)


def signature(key, text):
    return base64.b64encode(hmac.new(key, text.encode(), hashlib.sha256).digest()).decode()


def unauthenticated(detail):
    return Refusal(403, "AuthenticationFailed", "Server failed to authenticate the request. Make sure the value of "
                   "Authorization header is formed correctly including the signature.", detail)


def check_shared_key(service, request):
    headers = request.headers
    match = re.fullmatch(r"SharedKey ([^:]+):(.+)", headers["Authorization"])
    if not match or match[1] != service.account:
        raise unauthenticated("The account is not known.")
    date = headers.get("x-ms-date") or headers.get("Date")
    if not date:
        raise unauthenticated("Request date header is missing.")
    if abs(calendar.timegm(email.utils.parsedate(date)) - service.now()) > SKEW:
        raise unauthenticated("Request date header too old: '%s'" % date)
    length = headers.get("Content-Length", "")
    lines = [request.command, headers.get("Content-Encoding", ""), headers.get("Content-Language", ""),
             "" if length == "0" else length, headers.get("Content-MD5", ""), headers.get("Content-Type", ""),
             "" if headers.get("x-ms-date") else headers.get("Date", ""), headers.get("If-Modified-Since", ""),
             headers.get("If-Match", ""), headers.get("If-None-Match", ""), headers.get("If-Unmodified-Since", ""),
             headers.get("Range", "")]
    marked = {name.lower(): value.strip() for name, value in headers.items() if name.lower().startswith("x-ms-")}
    lines += ["%s:%s" % (name, marked[name]) for name in sorted(marked, key=header_order)]
    lines.append("/" + service.account + request.raw_path)
    asked = {}
    for name, value in request.pairs:
        asked.setdefault(name.lower(), []).append(value)
    lines += ["%s:%s" % (name, ",".join(sorted(asked[name]))) for name in sorted(asked)]
    if not hmac.compare_digest(signature(service.key, "\n".join(lines)), match[2]):
        raise unauthenticated("The MAC signature found in the HTTP request '%s' is not the same as any computed signature. "
                              "Server used following string to sign: '%s'." % (match[2], "\n".join(lines)))


def moment(text):
    for form in ("%Y-%m-%d", "%Y-%m-%dT%H:%MZ", "%Y-%m-%dT%H:%M:%SZ"):
        try:
            return calendar.timegm(datetime.datetime.strptime(text, form).timetuple())
        except ValueError:
            pass
    raise unauthenticated("A time of the signature cannot be read.")


def check_sas(service, request, query, container, blob, needed):
    """`needed`: permissions of which one is enough, and the type of the resource."""
    value = lambda name: query.get(name, "")
    permissions, kind = needed
    if "ss" in query:
        text = "".join(part + "\n" for part in [service.account, value("sp"), value("ss"), value("srt"), value("st"), value("se"),
                                                value("sip"), value("spr"), value("sv"), value("ses")])
    else:
        place = "/blob/%s/%s" % (service.account, container)
        if value("sr") == "b":
            place += "/" + (blob or "")
        text = "\n".join([value("sp"), value("st"), value("se"), place, value("si"), value("sip"), value("spr"), value("sv"),
                          value("sr"), "", value("ses"), value("rscc"), value("rscd"), value("rsce"), value("rscl"), value("rsct")])
    if not hmac.compare_digest(signature(service.key, text), value("sig")):
        raise unauthenticated("Signature did not match. String to sign used was " + text)
    now = service.now()
    if not value("se"):
        raise unauthenticated("Signed expiry must be specified in signature.")
    if value("st") and moment(value("st")) > now or moment(value("se")) < now:
        show = lambda text: email.utils.formatdate(moment(text), usegmt=True)
        if value("st"):
            raise unauthenticated("Signature not valid in the specified time frame: Start [%s] - Expiry [%s] - Current [%s]" % (
                show(value("st")), show(value("se")), email.utils.formatdate(now, usegmt=True)))
        raise unauthenticated("Signed expiry time [%s] must be after current time [%s]" % (
            show(value("se")), email.utils.formatdate(now, usegmt=True)))
    if value("spr") == "https":
        raise Refusal(403, "AuthorizationProtocolMismatch", "This request is not authorized to perform this operation using this protocol.")
    if "ss" in query:
        if "b" not in value("ss"):
            raise Refusal(403, "AuthorizationServiceMismatch", "This request is not authorized to perform this operation using this service.")
        if kind not in value("srt"):
            raise Refusal(403, "AuthorizationResourceTypeMismatch", "This request is not authorized to perform this operation using this resource type.")
    elif kind == "s" or kind == "c" and permissions != "l":
        raise Refusal(403, "AuthorizationFailure", "This request is not authorized to perform this operation.")
    if not set(permissions) & set(value("sp")):
        raise Refusal(403, "AuthorizationPermissionMismatch", "This request is not authorized to perform this operation using this permission.")


# What is asked.

def normal_name(name):
    """What the real service makes of a name, to the surprise of many."""
    parts = []
    for part in name.replace("\\", "/").split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part != ".":
            parts.append(part.rstrip("."))
    return "/".join(parts)


def xml_name(name):
    if any(ord(letter) < 32 or letter in "\ufffe\uffff" for letter in name):
        return '<Name Encoded="true">%s</Name>' % urllib.parse.quote(name)
    return "<Name>%s</Name>" % escape(name)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16

    def log_message(self, *arguments):
        pass

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    do_GET = do_HEAD = do_PUT = do_DELETE = do_POST = lambda self: self.serve()

    def serve(self):
        service = self.service
        target = self.requestline.split(" ")[1]
        self.raw_path, _, raw_query = target.partition("?")
        self.pairs = [tuple(urllib.parse.unquote(side) for side in pair.partition("=")[::2])
                      for pair in raw_query.split("&") if pair]
        length = int(self.headers.get("Content-Length") or 0)
        if self.raw_path == "/_control":
            if self.command == "PUT":
                service.control(json.loads(self.rfile.read(length)))
            return self.answer(200, json.dumps({"log": service.log}).encode())
        stall = service.fault(self.command, target, ["stall"])
        if stall:
            time.sleep(stall["seconds"])
        early = service.fault(self.command, target, ["early"])
        if early:
            self.answer(early["status"], b"", [("x-ms-error-code", early["code"]), ("Connection", "close")])
            self.connection.shutdown(1)
            self.connection.settimeout(30)
            self.close_connection = True
            service.log.append({"method": self.command, "target": target, "received": 0, "status": early["status"]})
            while self.connection.recv(1 << 16):
                pass
            return
        damaged = length > 0 and service.fault(self.command, target, ["corrupt_request"])
        self.piece = Piece(self.rfile, length, service.directory, bool(damaged))
        entry = {"method": self.command, "target": re.sub(r"sig=[^&]*", "sig=", target), "received": length, "status": 0}
        with service.lock:
            service.log.append(entry)
        fault = service.fault(self.command, target, ["status", "hangup"])
        if fault and fault["kind"] == "hangup":
            return self.hang_up()
        try:
            if fault:
                headers = [("Retry-After", str(fault["retry_after"]))] if "retry_after" in fault else []
                raise Refusal(fault["status"], fault.get("code", "ServerBusy"), headers=headers)
            with service.lock:
                status, headers, body = self.handle_request()
            if service.fault(self.command, target, ["hangup_after"]):
                return self.hang_up()
            entry["status"] = status
            cut = service.fault(self.command, target, ["truncate"])
            self.answer(status, body, headers, cut["bytes"] if cut else None,
                        service.fault(self.command, target, ["corrupt"]) if body else None)
        except Refusal as refusal:
            entry["status"] = refusal.status
            detail = "<AuthenticationErrorDetail>%s</AuthenticationErrorDetail>" % escape(refusal.detail) if refusal.detail else ""
            text = '\ufeff<?xml version="1.0" encoding="utf-8"?><Error><Code>%s</Code><Message>%s\nRequestId:0-1\nTime:%s</Message>%s</Error>' % (
                refusal.code, escape(refusal.message), time.strftime("%Y-%m-%dT%H:%M:%S.0Z", time.gmtime(service.now())), detail)
            self.answer(refusal.status, text.encode(), [("x-ms-error-code", refusal.code), ("Content-Type", "application/xml")] + refusal.headers)

    def hang_up(self):
        self.close_connection = True
        self.connection.shutdown(2)

    def date_time_string(self, timestamp=None):
        return email.utils.formatdate(self.service.now() if timestamp is None else timestamp, usegmt=True)

    def answer(self, status, body=b"", headers=(), cut=None, damaged=False):
        """`body`: bytes, or a length and an iterator."""
        length, chunks = (len(body), [body]) if isinstance(body, bytes) else body
        self.send_response(status)
        self.send_header("x-ms-version", self.headers.get("x-ms-version") or "2021-12-02")
        names = {name.lower() for name, _ in headers}
        for name, value in headers:
            self.send_header(name, value.encode().decode("latin-1"))
        if "content-length" not in names:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        if self.command != "HEAD":
            for chunk in chunks:
                if damaged and chunk:
                    chunk, damaged = bytes([chunk[0] ^ 1]) + chunk[1:], False
                if cut is not None:
                    self.wfile.write(chunk[:cut])
                    cut -= len(chunk)
                    if cut <= 0:
                        self.close_connection = True
                        break
                else:
                    self.wfile.write(chunk)
        self.wfile.flush()

    def handle_request(self):
        service, query = self.service, dict(self.pairs)
        parts = self.raw_path.split("/", 3)
        if parts[1] != service.account:
            raise Refusal(400, "InvalidUri", "The requested URI does not represent any resource on the server.")
        container = urllib.parse.unquote(parts[2]) if len(parts) > 2 else ""
        try:
            blob = urllib.parse.unquote(parts[3], errors="strict") if len(parts) > 3 else None
        except UnicodeDecodeError:
            raise Refusal(400, "InvalidUri")
        comp, restype = query.get("comp", ""), query.get("restype", "")
        operation, permissions, kind = self.operation(container, blob, comp, restype)
        if "Authorization" in self.headers:
            check_shared_key(service, self)
        elif "sig" in query:
            check_sas(service, self, query, container, blob, (permissions, kind))
        else:
            raise Refusal(401, "NoAuthenticationInformation",
                          "Server failed to authenticate the request. Please refer to the information in the www-authenticate header.")
        if not self.headers.get("x-ms-version") and "sv" not in query:
            raise Refusal(400, "MissingRequiredHeader", "An HTTP header that's mandatory for this request is not specified.")
        if blob is not None:
            if not 1 <= len(blob) <= 1024 or any(ord(letter) < 32 for letter in blob):
                raise Refusal(400, "InvalidUri", "The requested URI does not represent any resource on the server.")
            blob = normal_name(blob)
        if operation != "make_container" and container and container not in service.containers:
            raise Refusal(404, "ContainerNotFound", "The specified container does not exist.")
        return getattr(self, operation)(query, container, blob)

    def operation(self, container, blob, comp, restype):
        method = self.command
        if not container:
            table = {("GET", "list"): ("list_containers", "l", "s"), ("GET", "properties"): ("service_properties", "r", "s")}
        elif blob is None:
            if restype != "container":
                raise Refusal(400, "InvalidQueryParameterValue", "Value for one of the query parameters is invalid.")
            table = {("PUT", ""): ("make_container", "cw", "c"), ("DELETE", ""): ("delete_container", "d", "c"),
                     ("GET", ""): ("container_properties", "r", "c"), ("HEAD", ""): ("container_properties", "r", "c"),
                     ("GET", "list"): ("list_blobs", "l", "c")}
        else:
            put = "copy" if "x-ms-copy-source" in self.headers else "put_blob"
            table = {("PUT", ""): (put, "wc", "o"), ("PUT", "block"): ("put_block", "w", "o"), ("PUT", "blocklist"): ("put_block_list", "wc", "o"),
                     ("GET", "blocklist"): ("block_list", "r", "o"), ("PUT", "metadata"): ("set_metadata", "w", "o"),
                     ("GET", ""): ("get_blob", "r", "o"), ("HEAD", ""): ("get_blob", "r", "o"), ("DELETE", ""): ("delete_blob", "d", "o")}
        if (method, comp) not in table:
            raise Refusal(405, "UnsupportedHttpVerb", "The resource doesn't support specified Http Verb.")
        return table[method, comp]

    # Containers

    def service_properties(self, query, container, blob):
        return 200, [("Content-Type", "application/xml")], b"<StorageServiceProperties/>"

    def pages(self, names, query):
        """The names of a page and the marker behind it."""
        names = sorted(names, key=lambda name: name.encode())
        if query.get("marker"):
            try:
                start = base64.b64decode(query["marker"], validate=True).decode()
            except ValueError:
                raise Refusal(400, "OutOfRangeInput", "One of the request inputs is out of range.")
            names = [name for name in names if name.encode() >= start.encode()]
        most = min(int(query.get("maxresults") or 5000), self.service.page)
        rest = names[most:]
        return names[:most], base64.b64encode(rest[0].encode()).decode() if rest else ""

    def list_containers(self, query, container, blob):
        names, marker = self.pages([name for name in self.service.containers if name.startswith(query.get("prefix", ""))], query)
        items = "".join("<Container><Name>%s</Name><Properties><Last-Modified>%s</Last-Modified><Etag>\"0x1\"</Etag></Properties></Container>" % (
            name, self.date_time_string()) for name in names)
        return 200, [("Content-Type", "application/xml")], (
            '<?xml version="1.0" encoding="utf-8"?><EnumerationResults ServiceEndpoint="x"><Containers>%s</Containers><NextMarker>%s</NextMarker></EnumerationResults>'
            % (items, marker)).encode()

    def make_container(self, query, container, blob):
        if not re.fullmatch(r"\$root|(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", container):
            raise Refusal(400, "InvalidResourceName", "The specified resource name contains invalid characters.")
        if container in self.service.containers:
            raise Refusal(409, "ContainerAlreadyExists", "The specified container already exists.")
        self.service.containers[container] = {"blobs": {}, "blocks": {}}
        return 201, [("ETag", '"0x1"'), ("Last-Modified", self.date_time_string())], b""

    def delete_container(self, query, container, blob):
        del self.service.containers[container]
        return 202, [], b""

    def container_properties(self, query, container, blob):
        return 200, [("ETag", '"0x1"'), ("Last-Modified", self.date_time_string())], b""

    def list_blobs(self, query, container, blob):
        blobs, prefix, include = self.service.containers[container]["blobs"], query.get("prefix", ""), query.get("include", "").split(",")
        names, marker = self.pages([name for name in blobs if name.startswith(prefix)], query)
        items = []
        for name in names:
            blob = blobs[name]
            fields = {"Last-Modified": self.date_time_string(blob.modified), "Etag": blob.tag, "Content-Length": blob.size,
                      "Content-Type": blob.type or "application/octet-stream", "Content-MD5": blob.md5 or "", "BlobType": blob.kind}
            metadata = "".join("<%s>%s</%s>" % (key, escape(value), key) for key, value in blob.metadata.items())
            items.append("<Blob>%s<Properties>%s</Properties>%s</Blob>" % (
                xml_name(name), "".join("<%s>%s</%s>" % (key, value, key) for key, value in fields.items()),
                "<Metadata>%s</Metadata>" % metadata if "metadata" in include else ""))
        return 200, [("Content-Type", "application/xml")], (
            '\ufeff<?xml version="1.0" encoding="utf-8"?><EnumerationResults ContainerName="%s"><Blobs>%s</Blobs><NextMarker>%s</NextMarker></EnumerationResults>'
            % (container, "".join(items), marker)).encode()

    # Blobs

    def find(self, container, name):
        blob = self.service.containers[container]["blobs"].get(name)
        if blob is None:
            raise Refusal(404, "BlobNotFound", "The specified blob does not exist.")
        return blob

    def check_conditions(self, blob, writing):
        wanted, unwanted = self.headers.get("If-Match"), self.headers.get("If-None-Match")
        if wanted and (blob is None or wanted != "*" and wanted != '"%s"' % blob.tag):
            raise Refusal(412, "ConditionNotMet", "The condition specified using HTTP conditional header(s) is not met.")
        if unwanted and blob is not None and unwanted in ("*", '"%s"' % blob.tag):
            if unwanted == "*" and writing:
                raise Refusal(409, "BlobAlreadyExists", "The specified blob already exists.")
            raise Refusal(412 if writing else 304, "ConditionNotMet", "The condition specified using HTTP conditional header(s) is not met.")

    def given_metadata(self):
        metadata = {}
        for name, value in self.headers.items():
            if name.lower().startswith("x-ms-meta-"):
                name = name[len("x-ms-meta-"):]
                if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
                    raise Refusal(400, "InvalidMetadata", "The metadata specified is invalid.")
                metadata[name] = value
        return metadata

    def check_md5(self):
        told = self.headers.get("Content-MD5")
        if told and told != self.piece.md5:
            raise Refusal(400, "Md5Mismatch", "The MD5 value specified in the request did not match with the MD5 value calculated by the server.")

    def store(self, container, name, blob, status=201, headers=()):
        blob.tag, blob.modified = self.service.tag(), int(self.service.now())
        space = self.service.containers[container]
        space["blobs"][name] = blob
        space["blocks"].pop(name, None)
        return status, [("ETag", '"%s"' % blob.tag), ("Last-Modified", self.date_time_string(blob.modified))] + list(headers), b""

    def put_blob(self, query, container, name):
        self.check_conditions(self.service.containers[container]["blobs"].get(name), True)
        self.check_md5()
        blob = Blob()
        blob.kind = self.headers.get("x-ms-blob-type")
        if blob.kind not in ("BlockBlob", "PageBlob", "AppendBlob"):
            raise Refusal(400, "InvalidHeaderValue", "The value for one of the HTTP headers is not in the correct format.")
        blob.pieces, blob.metadata = [self.piece], self.given_metadata()
        told = self.headers.get("x-ms-blob-content-md5")
        if told and told != self.piece.md5:
            raise Refusal(400, "Md5Mismatch", "The MD5 value specified in the request did not match with the MD5 value calculated by the server.")
        blob.md5 = self.piece.md5 if blob.kind == "BlockBlob" else None
        blob.type = self.headers.get("x-ms-blob-content-type") or self.headers.get("Content-Type")
        return self.store(container, name, blob, headers=[("Content-MD5", self.piece.md5)])

    def put_block(self, query, container, name):
        self.check_md5()
        space, block = self.service.containers[container], query.get("blockid", "")
        try:
            length = len(base64.b64decode(block, validate=True))
        except ValueError:
            length = 0
        if not 1 <= length <= 64:
            raise Refusal(400, "InvalidQueryParameterValue", "Value for one of the query parameters is invalid.")
        if self.piece.size == 0:
            raise Refusal(400, "InvalidHeaderValue", "The value for one of the HTTP headers is not in the correct format.")
        known = space["blobs"].get(name)
        if known and known.kind != "BlockBlob":
            raise Refusal(409, "InvalidBlobType", "The blob type is invalid for this operation.")
        blocks = space["blocks"].setdefault(name, {})
        if any(len(other) != len(block) for other in blocks):
            raise Refusal(400, "InvalidBlobOrBlock", "The specified blob or block content is invalid.")
        blocks[block] = self.piece
        return 201, [("Content-MD5", self.piece.md5)], b""

    def put_block_list(self, query, container, name):
        space = self.service.containers[container]
        known = space["blobs"].get(name)
        self.check_conditions(known, True)
        self.check_md5()
        waiting, present = space["blocks"].get(name, {}), dict(known.committed) if known else {}
        blob = Blob()
        for item in XML.fromstring(b"".join(self.piece.read(0, self.piece.size))):
            places = {"Latest": [waiting, present], "Uncommitted": [waiting], "Committed": [present]}[item.tag]
            piece = next((place[item.text] for place in places if item.text in place), None)
            if piece is None:
                raise Refusal(400, "InvalidBlockList", "The specified block list is invalid.")
            blob.committed.append((item.text, piece))
        blob.pieces, blob.metadata = [piece for _, piece in blob.committed], self.given_metadata()
        blob.md5, blob.type = self.headers.get("x-ms-blob-content-md5"), self.headers.get("x-ms-blob-content-type")
        return self.store(container, name, blob)

    def block_list(self, query, container, name):
        space, wanted = self.service.containers[container], query.get("blocklisttype", "committed")
        known, waiting = space["blobs"].get(name), space["blocks"].get(name, {})
        if known is None and not waiting:
            self.find(container, name)
        show = lambda blocks: "".join("<Block><Name>%s</Name><Size>%d</Size></Block>" % (key, piece.size) for key, piece in blocks)
        text = ""
        if wanted != "uncommitted":
            text += "<CommittedBlocks>%s</CommittedBlocks>" % show(known.committed if known else [])
        if wanted != "committed":
            text += "<UncommittedBlocks>%s</UncommittedBlocks>" % show(sorted(waiting.items()))
        return 200, [("Content-Type", "application/xml")], ('<?xml version="1.0" encoding="utf-8"?><BlockList>%s</BlockList>' % text).encode()

    def copy(self, query, container, name):
        address = urllib.parse.urlsplit(self.headers["x-ms-copy-source"])
        parts = address.path.split("/", 3)
        pairs = dict(urllib.parse.parse_qsl(address.query, keep_blank_values=True))
        source_container, source_name = urllib.parse.unquote(parts[2]), urllib.parse.unquote(parts[3])
        if "Authorization" not in self.headers:
            if "sig" not in pairs:
                raise Refusal(404, "CannotVerifyCopySource", "The specified resource does not exist.")
            check_sas(self.service, self, pairs, source_container, source_name, ("r", "o"))
        if source_container not in self.service.containers:
            raise Refusal(404, "ContainerNotFound", "The specified container does not exist.")
        source = self.find(source_container, normal_name(source_name))
        self.check_conditions(self.service.containers[container]["blobs"].get(name), True)
        blob = Blob()
        blob.kind, blob.pieces, blob.committed, blob.md5, blob.type = source.kind, source.pieces, source.committed, source.md5, source.type
        blob.metadata = self.given_metadata() or dict(source.metadata)
        blob.copy, blob.copy_polls = "copy-%d" % (self.service.tags + 1), self.service.copy_polls
        return self.store(container, name, blob, 202, [
            ("x-ms-copy-id", blob.copy), ("x-ms-copy-status", "pending" if blob.copy_polls else "success")])

    def set_metadata(self, query, container, name):
        blob = self.find(container, name)
        self.check_conditions(blob, True)
        blob.metadata = self.given_metadata()
        blob.tag, blob.modified = self.service.tag(), int(self.service.now())
        return 200, [("ETag", '"%s"' % blob.tag), ("Last-Modified", self.date_time_string(blob.modified))], b""

    def delete_blob(self, query, container, name):
        self.check_conditions(self.find(container, name), True)
        del self.service.containers[container]["blobs"][name]
        return 202, [], b""

    def get_blob(self, query, container, name):
        blob = self.find(container, name)
        self.check_conditions(blob, False)
        headers = [("ETag", '"%s"' % blob.tag), ("Last-Modified", self.date_time_string(blob.modified)), ("Accept-Ranges", "bytes"),
                   ("Content-Type", blob.type or "application/octet-stream"), ("x-ms-blob-type", blob.kind)]
        headers += [("x-ms-meta-" + key, value) for key, value in blob.metadata.items()]
        if blob.copy:
            headers += [("x-ms-copy-id", blob.copy), ("x-ms-copy-status", "pending" if blob.copy_polls > 0 else "success")]
            blob.copy_polls -= 1
        asked = self.headers.get("x-ms-range") or self.headers.get("Range")
        match = asked and re.fullmatch(r"bytes=(\d+)-(\d*)", asked)
        ignored = match and self.service.fault(self.command, self.path, ["whole"])
        if not match or ignored or self.command == "HEAD":
            headers += [("Content-MD5", blob.md5)] if blob.md5 else []
            return 200, headers + [("Content-Length", str(blob.size))], (blob.size, blob.read(0, blob.size))
        start, end = int(match[1]), min(int(match[2] or blob.size) + 1, blob.size)
        if start >= blob.size:
            raise Refusal(416, "InvalidRange", "The range specified is invalid for the current size of the resource.",
                          headers=[("Content-Range", "bytes */%d" % blob.size)])
        headers += [("x-ms-blob-content-md5", blob.md5)] if blob.md5 else []
        headers.append(("Content-Range", "bytes %d-%d/%d" % (start, end - 1, blob.size)))
        return 206, headers, (end - start, blob.read(start, end))


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--account", default="devstoreaccount1")
    options.add_argument("--key", default=WELL_KNOWN_KEY)
    options = options.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})  # Whose thread started us may have blocked it.
    directory = tempfile.mkdtemp(prefix="azure-server-")
    try:
        Handler.service = Service(options.account, options.key, directory)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", options.port), Handler)
        server.daemon_threads = True
        print(server.server_address[1], flush=True)
        # Whoever started it holds the other end of its standard input, and takes it along.
        threading.Thread(target=wait_for_end, args=[server], daemon=True).start()
        server.serve_forever()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def wait_for_end(server):
    while not os.isatty(0) and os.read(0, 4096):
        pass
    server.shutdown()


main()
