"""What `azure-storage-blob` does and thinks, for tests: JSON on standard input, JSON on standard output.

{"url": ..., "key": ..., "do": [[what, ...], ...]} with these: "write" container name base64 metadata, "read" container name,
"list" container prefix, "sign" method url headers length, "sas" kind container permissions.
"""
import base64, datetime, json, sys

from azure.core.pipeline import PipelineContext, PipelineRequest
from azure.core.pipeline.transport import HttpRequest
from azure.storage.blob import BlobServiceClient, generate_account_sas, generate_blob_sas, generate_container_sas
from azure.storage.blob._shared.authentication import SharedKeyCredentialPolicy

wish = json.load(sys.stdin)
account = wish["url"].rsplit("/", 1)[1]
# Small enough that larger files of tests go in blocks and come in ranges.
service = BlobServiceClient(wish["url"], credential={"account_name": account, "account_key": wish["key"]},
                            max_single_put_size=200_000, max_block_size=150_000, max_single_get_size=200_000, max_chunk_get_size=150_000)


def write(container, name, content, metadata):
    properties = service.get_blob_client(container, name).upload_blob(base64.b64decode(content), metadata=metadata)
    return properties["etag"]


def read(container, name):
    download = service.get_blob_client(container, name).download_blob(validate_content=True)
    return {"content": base64.b64encode(download.readall()).decode(), "metadata": download.properties.metadata,
            "md5": bytes(download.properties.content_settings.content_md5 or b"").hex()}


def list(container, prefix):
    return [blob.name for blob in service.get_container_client(container).list_blobs(prefix)]


def sign(method, url, headers, length, name=account):
    headers = {**headers, **({"Content-Length": str(length)} if length else {})}
    request = PipelineRequest(HttpRequest(method, url, headers=headers), PipelineContext(None))
    SharedKeyCredentialPolicy(name, wish["key"]).on_request(request)
    return request.http_request.headers["Authorization"]


def sas(kind, container, permissions):
    now = datetime.datetime.now(datetime.timezone.utc)
    times = {"start": now - datetime.timedelta(minutes=5), "expiry": now + datetime.timedelta(hours=1)}
    if kind == "account":
        return generate_account_sas(account, wish["key"], "sco", permissions, **times)
    if kind == "container":
        return generate_container_sas(account, container, wish["key"], permission=permissions, **times)
    return generate_blob_sas(account, container, kind, account_key=wish["key"], permission=permissions, **times)


json.dump([globals()[what](*arguments) for what, *arguments in wish["do"]], sys.stdout)
