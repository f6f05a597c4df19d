"""Backblaze B2 for tests: as much of its native API as backups use, in memory, over plain HTTP.

usage: B2_KEY=… b2.py HOST PORT KEY_ID

There is no server of B2's that one could run, and no package of somebody's that stands for it. What matters to
clients: a range beyond the end is answered with 416, or they ask for ever; a listing by name shows the newest version
of each file and none that is hidden. The API: https://www.backblaze.com/apidocs.
"""

import base64
import hashlib
import http.server
import json
import os
import sys
import threading
import time
import urllib.parse

HOST, PORT, KEY_ID, KEY = sys.argv[1], int(sys.argv[2]), sys.argv[3], os.environ["B2_KEY"]
URL = f"http://{HOST}:{PORT}"
TOKEN = "token"
lock = threading.RLock()
buckets = {}  # by id
versions = {}  # of files, by id, in the order in which they came; the bytes are under "data"


class Refused(Exception):
    """An answer that is an error in B2's words."""

    def __init__(self, status, code, message=""):
        self.status, self.code, self.message = status, code, message or code


def keep(version, data=b""):
    with lock:
        identifier = f"4_z{len(versions):08d}_{time.time_ns()}"
        versions[identifier] = {
            "fileId": identifier,
            "accountId": KEY_ID,
            "contentLength": len(data),
            "size": len(data),
            "contentType": "application/octet-stream",
            "fileInfo": {},
            "uploadTimestamp": time.time_ns() // 1_000_000,
            **version,
            "data": data,
        }
        return shown(versions[identifier])


def shown(version):
    return {key: value for key, value in version.items() if key != "data"}


def newest(bucket):
    """The version of each name that a reader sees."""
    with lock:
        last = {version["fileName"]: version for version in versions.values() if version["bucketId"] == bucket}
    return {name: version for name, version in last.items() if version["action"] == "upload"}


def of_id(identifier):
    if identifier not in versions:
        raise Refused(400, "file_not_present")
    return versions[identifier]


def authorize_account(_):
    capabilities = ["listBuckets", "listFiles", "readFiles", "writeFiles", "deleteFiles", "writeBuckets"]
    limits = {"capabilities": capabilities, "bucketId": None, "bucketName": None, "namePrefix": None}
    storage = {
        "apiUrl": URL,
        "downloadUrl": URL,
        "recommendedPartSize": 100 << 20,
        "minimumPartSize": 100 << 20,
        "absoluteMinimumPartSize": 5 << 20,
        # Version 2 of the API has this on the outside, version 3 has its parts on the inside, version 4 both.
        "allowed": limits | {"buckets": None},
    }
    api = {"storageApi": storage | limits | {"infoType": "storageApi"}}
    return storage | {"accountId": KEY_ID, "authorizationToken": TOKEN, "apiInfo": api}


def list_buckets(ask):
    name = ask.get("bucketName")
    return {"buckets": [bucket for bucket in buckets.values() if name in (None, bucket["bucketName"])]}


def create_bucket(ask):
    with lock:
        if list_buckets({"bucketName": ask["bucketName"]})["buckets"]:
            raise Refused(400, "duplicate_bucket_name")
        bucket = {
            "accountId": KEY_ID,
            "bucketId": f"bucket{len(buckets)}",
            "bucketName": ask["bucketName"],
            "bucketType": ask.get("bucketType", "allPrivate"),
            "bucketInfo": {},
            "corsRules": [],
            "lifecycleRules": [],
            "revision": 1,
        }
        buckets[bucket["bucketId"]] = bucket
        return bucket


def get_upload_url(ask):
    bucket = ask["bucketId"]
    return {"bucketId": bucket, "uploadUrl": f"{URL}/upload/{bucket}", "authorizationToken": TOKEN}


def listing(ask, found):
    """One page of the versions, with the names below a delimiter folded into one."""
    prefix, delimiter = ask.get("prefix") or "", ask.get("delimiter")
    start, most = ask.get("startFileName") or "", ask.get("maxFileCount") or 100
    files, folded = [], set()
    for version in sorted(found, key=lambda version: (version["fileName"], -version["uploadTimestamp"])):
        name = version["fileName"]
        if not name.startswith(prefix) or name < start:
            continue
        rest = name[len(prefix) :]
        if delimiter and delimiter in rest:
            folder = prefix + rest.split(delimiter)[0] + delimiter
            if folder not in folded:
                folded.add(folder)
                files.append({"fileName": folder, "action": "folder", "fileId": None, "contentLength": 0, "size": 0})
        else:
            files.append(shown(version))
    following = files[most]["fileName"] if len(files) > most else None
    return {"files": files[:most], "nextFileName": following, "nextFileId": None}


def list_file_names(ask):
    return listing(ask, newest(ask["bucketId"]).values())


def list_file_versions(ask):
    with lock:
        found = [version for version in versions.values() if version["bucketId"] == ask["bucketId"]]
    return listing(ask, found)


def get_file_info(ask):
    return shown(of_id(ask["fileId"]))


def delete_file_version(ask):
    with lock:
        version = of_id(ask["fileId"])
        del versions[ask["fileId"]]
    return {"fileId": version["fileId"], "fileName": version["fileName"]}


def hide_file(ask):
    if ask["fileName"] not in newest(ask["bucketId"]):
        raise Refused(400, "no_such_file")
    return keep({"bucketId": ask["bucketId"], "fileName": ask["fileName"], "action": "hide"})


CALLS = {f"b2_{call.__name__}": call for call in (
    authorize_account, list_buckets, create_bucket, get_upload_url, list_file_names, list_file_versions,
    get_file_info, delete_file_version, hide_file,
)}  # fmt: skip


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, act):
        try:
            # Read whatever becomes of it, since the connection goes on.
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send(200, act(body))
        except Refused as refusal:
            told = {"status": refusal.status, "code": refusal.code, "message": refusal.message}
            self.send(refusal.status, told)

    def send(self, status, content, headers=None):
        if content is None:  # It was sent already.
            return
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in (headers or {"Content-Type": "application/json"}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        path = urllib.parse.urlparse(self.path)
        call = path.path.rsplit("/", 1)[-1]
        if path.path.startswith("/file/"):
            bucket, _, name = urllib.parse.unquote(path.path[len("/file/") :]).partition("/")
            self.answer(lambda _: self.download(self.named(bucket, name)))
        elif call == "b2_download_file_by_id":
            query = urllib.parse.parse_qs(path.query)
            self.answer(lambda _: self.download(of_id(query["fileId"][0])))
        elif call == "b2_authorize_account":
            self.answer(lambda _: self.authorize())
        else:
            self.answer(lambda _: self.unknown(call))

    def do_POST(self):
        path = urllib.parse.urlparse(self.path).path
        call = path.rsplit("/", 1)[-1]
        if path.startswith("/upload/"):
            self.answer(lambda body: self.upload(call, body))
        elif call in CALLS:
            self.answer(lambda body: self.call(call, body))
        else:
            self.answer(lambda _: self.unknown(call))

    def unknown(self, call):
        raise Refused(400, "bad_request", f"this server for tests knows no {call}")

    def authorize(self):
        scheme, _, words = self.headers.get("Authorization", "").partition(" ")
        if scheme != "Basic" or base64.b64decode(words).decode() != f"{KEY_ID}:{KEY}":
            raise Refused(401, "unauthorized", "the key is not valid")
        return authorize_account(None)

    def allowed(self):
        if self.headers.get("Authorization") != TOKEN:
            raise Refused(401, "bad_auth_token")

    def call(self, call, body):
        self.allowed()
        return CALLS[call](json.loads(body))

    def named(self, bucket, name):
        ids = [found["bucketId"] for found in list_buckets({"bucketName": bucket})["buckets"]]
        version = newest(ids[0]).get(name) if ids else None
        if version is None:
            raise Refused(404, "not_found")
        return version

    def upload(self, bucket, data):
        self.allowed()
        checksum = self.headers["X-Bz-Content-Sha1"]
        if checksum == "hex_digits_at_end":
            data, checksum = data[:-40], data[-40:].decode()
        if checksum != "do_not_verify" and hashlib.sha1(data).hexdigest() != checksum:
            raise Refused(400, "bad_request", "the checksum is that of other bytes")
        prefix = "x-bz-info-"
        info = {
            name.lower()[len(prefix) :]: urllib.parse.unquote(value)
            for name, value in self.headers.items()
            if name.lower().startswith(prefix)
        }
        name = urllib.parse.unquote(self.headers["X-Bz-File-Name"])
        return keep(
            {"bucketId": bucket, "fileName": name, "contentSha1": checksum, "fileInfo": info, "action": "upload"},
            data,
        )

    def download(self, version):
        self.allowed()
        data, status = version["data"], 200
        headers = {
            "Content-Type": version["contentType"],
            "X-Bz-File-Id": version["fileId"],
            "X-Bz-File-Name": urllib.parse.quote(version["fileName"]),
            "X-Bz-Content-Sha1": version["contentSha1"],
            "X-Bz-Upload-Timestamp": str(version["uploadTimestamp"]),
        }
        for name, value in version["fileInfo"].items():
            headers[f"X-Bz-Info-{name}"] = urllib.parse.quote(value)
        asked = self.headers.get("Range")
        if asked:
            first, _, last = asked.split("=")[1].partition("-")
            first, last = int(first), min(int(last or len(data)), len(data) - 1)
            if first >= len(data):
                raise Refused(416, "range_not_satisfiable")
            headers["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
            data, status = data[first : last + 1], 206
        self.send(status, data, headers)


http.server.ThreadingHTTPServer((HOST, PORT), Handler).serve_forever()
