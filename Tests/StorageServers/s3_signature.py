"""Verifies AWS Signature Version 4 of a request to S3, as Amazon documents it for a server: from the raw request alone.

"Authenticating Requests: Using the Authorization Header (AWS Signature Version 4)", Amazon S3 API Reference. It shares nothing
with the program under test, and what signs requests with botocore must pass it too.
"""
import calendar
import hashlib
import hmac
import re
import time
import urllib.parse

UNRESERVED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
SKEW_SECONDS = 15 * 60


class Refused(Exception):
    """What the service answers: status, code, and the canonical request to compare with."""

    def __init__(self, status, code, canonical=""):
        super().__init__(code)
        self.status, self.code, self.canonical = status, code, canonical


def encode(text, safe=""):
    return "".join(chr(b) if chr(b) in UNRESERVED or chr(b) in safe else "%%%02X" % b for b in text)


def canonical_query(query):
    pairs = []
    for piece in query.split("&") if query else []:
        name, _, value = piece.partition("=")
        pairs.append((encode(urllib.parse.unquote_to_bytes(name)), encode(urllib.parse.unquote_to_bytes(value))))
    return "&".join("%s=%s" % pair for pair in sorted(pairs))


def canonical_request(method, target, headers, signed, payload):
    path, _, query = target.partition("?")
    lines = "".join("%s:%s\n" % (name, re.sub(" +", " ", headers.get(name, "").strip())) for name in signed)
    return "\n".join([
        method, encode(urllib.parse.unquote_to_bytes(path), safe="/"), canonical_query(query), lines, ";".join(signed),
        payload])


def verify(method, target, headers, body, secrets, tokens=None, now=None):
    """Raises Refused. `headers` has names in lower case; `secrets` the secret key of each access key id, `tokens` the session
    token of those that need one."""
    match = re.fullmatch(
        r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/s3/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})",
        headers.get("authorization", ""))
    if match is None:
        raise Refused(403, "AccessDenied")
    key_id, day, region, signed, signature = match.groups()
    signed = signed.split(";")
    if key_id not in secrets:
        raise Refused(403, "InvalidAccessKeyId")
    token = (tokens or {}).get(key_id)
    if token is not None and headers.get("x-amz-security-token") != token:
        raise Refused(400, "InvalidToken")
    needed = [n for n in headers if n == "host" or n.startswith("x-amz-") or n in ("content-md5",)]
    stamp = headers.get("x-amz-date", "")
    if signed != sorted(signed) or not set(needed) <= set(signed) or not stamp.startswith(day):
        raise Refused(403, "AccessDenied")
    sent = calendar.timegm(time.strptime(stamp, "%Y%m%dT%H%M%SZ"))
    if abs((now or time.time()) - sent) > SKEW_SECONDS:
        raise Refused(403, "RequestTimeTooSkewed")
    payload = headers.get("x-amz-content-sha256", "")
    canonical = canonical_request(method, target, headers, signed, payload)
    to_sign = "\n".join([
        "AWS4-HMAC-SHA256", stamp, "%s/%s/s3/aws4_request" % (day, region), hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + secrets[key_id]).encode()
    for part in (day, region, "s3", "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    if hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest() != signature:
        raise Refused(403, "SignatureDoesNotMatch", canonical)
    if re.fullmatch("[0-9a-f]{64}", payload) and hashlib.sha256(body).hexdigest() != payload:
        raise Refused(400, "XAmzContentSHA256Mismatch", canonical)
    return canonical
