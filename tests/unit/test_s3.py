"""Buckets of S3 as binary caches and as places of sources: a server that speaks S3's protocol, on this machine."""

import hashlib
import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from snowsnake.fetch.errors import FetchFailure
from snowsnake.fetch.s3 import S3Place

KEYS = {"AWS_ACCESS_KEY_ID": "snow", "AWS_SECRET_ACCESS_KEY": "flake", "AWS_EC2_METADATA_DISABLED": "true"}


@pytest.mark.parametrize(
    "url, found",
    [
        ("s3://snow/a/b%20c", "https://snow.s3.us-east-1.amazonaws.com/a/b%20c"),
        ("s3://snow/a?region=eu-west-1&addressing-style=path", "https://s3.eu-west-1.amazonaws.com/snow/a"),
        ("s3://snow/a?scheme=http", "http://snow.s3.us-east-1.amazonaws.com/a"),
        ("s3://snow/a?endpoint=127.0.0.1:9000", "https://127.0.0.1:9000/snow/a"),
        ("s3://snow/a?endpoint=http://host:9000/inside/&versionId=1%202", "http://host:9000/inside/snow/a?versionId=1+2"),
        ("s3://snow/a?endpoint=http://host&addressing-style=virtual", "http://snow.host/a"),
        ("s3://sn.ow/a", "https://s3.us-east-1.amazonaws.com/sn.ow/a"),
        ("s3://snow/a+b?region=x", "https://snow.s3.x.amazonaws.com/a+b"),
    ],
)
def test_the_address_of_a_bucket(url, found):
    assert S3Place.parse(url).url == found


@pytest.mark.parametrize(
    "url, message",
    [
        ("s3:///a", "URI has a missing or invalid bucket name"),
        ("s3://[::1]/a", "URI has a missing or invalid bucket name"),
        ("s3://snow", "URI has a missing or invalid key"),
        ("s3://snow/", "URI has a missing or invalid key"),
        ("s3://snow/a?addressing-style=no", "unknown S3 addressing style 'no'"),
        ("s3://sn.ow/a?addressing-style=virtual", "bucket name 'sn.ow' contains a dot"),
        ("s3://snow/a?scheme=ftp", "'ftp' is not an address of a server"),
    ],
)
def test_malformed_addresses_of_buckets_are_errors(url, message):
    with pytest.raises(FetchFailure, match=message.replace("[", r"\[")):
        S3Place.parse(url)


class Bucket:
    """A server with one bucket, whose requests must be signed once there are users."""

    def __init__(self, address: str, folder: Path, run_command) -> None:
        self.address = address
        self.folder = folder
        self._run = run_command
        self.url = f"s3://snowflakes?endpoint={address}&region=eu-west-1"
        self.client("s3").create_bucket(Bucket="snowflakes")

    def client(self, service: str):
        import boto3

        return boto3.client(service, endpoint_url=self.address, region_name="us-east-1", aws_access_key_id="root", aws_secret_access_key="root")

    def contents(self) -> dict[str, bytes]:
        listed = self.client("s3").list_objects_v2(Bucket="snowflakes").get("Contents", [])
        return {one["Key"]: self.client("s3").get_object(Bucket="snowflakes", Key=one["Key"])["Body"].read() for one in listed}

    def run(self, module: str, *words: str, code: int = 0, settings: str = "", **given: str) -> subprocess.CompletedProcess:
        environment = {
            "NIX_STORE_DIR": f"{self.folder}/store", "NIX_STATE_DIR": f"{self.folder}/state", "NIX_LOG_DIR": f"{self.folder}/log",
            "HOME": str(self.folder), "TMPDIR": str(self.folder), "no_proxy": "*",
            "NIX_CONFIG": f"experimental-features = nix-command\nsandbox = false\nbuild-users-group =\nsubstituters =\ndownload-attempts = 1\n{settings}",
        }  # fmt: skip
        done = self._run(module, *words, **environment | KEYS | given)
        assert done.returncode == code, done.stderr.decode()
        return done

    def only_for(self, *actions: str) -> dict[str, str]:
        """Makes the bucket refuse unsigned requests from now on; returns the variables of a user who may do these actions."""
        iam = self.client("iam")
        iam.create_user(UserName="ada")
        iam.put_user_policy(
            UserName="ada", PolicyName="p",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]}),
        )  # fmt: skip
        key = iam.create_access_key(UserName="ada")["AccessKey"]
        request = urllib.request.Request(f"{self.address}/moto-api/reset-auth", b"0", {"Content-Type": "text/plain"}, method="POST")
        urllib.request.urlopen(request).read()
        return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}


@pytest.fixture
def bucket(tmp_path, run_command):
    """The server is a process of its own, because moto would answer the requests of its own process itself."""
    pytest.importorskip("moto", reason="not installed: moto")
    program = (
        "from moto.moto_server.werkzeug_app import DomainDispatcherApplication as A, create_backend_app as b\n"
        "from werkzeug.serving import make_server\n"
        "server = make_server('127.0.0.1', 0, A(b), threaded=True)\nprint(server.server_port, flush=True)\nserver.serve_forever()"
    )
    with open(tmp_path / "server.log", "wb") as log:
        server = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=log)
    try:
        yield Bucket(f"http://127.0.0.1:{int(server.stdout.readline())}", tmp_path, run_command)
    finally:
        server.terminate()
        server.wait()
        server.stdout.close()


def test_a_cache_in_a_bucket_is_one_in_a_folder(bucket, tmp_path):
    """A cache in a bucket is written and read, serves as a substituter, and has the same contents as a cache in a folder."""
    (tmp_path / "packages.nix").write_text(
        'derivation { name = "x"; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" "echo made > $out" ]; }'
    )
    out = bucket.run("old.build", f"{tmp_path}/packages.nix", "--no-out-link").stdout.decode().strip()
    copied = bucket.run("nix.main", "copy", "--no-check-sigs", "--to", bucket.url, out)
    assert f"copying path '{out}' to '{bucket.url}'" in copied.stderr.decode()
    bucket.run("nix.main", "copy", "--no-check-sigs", "--to", f"file://{tmp_path}/cache", out)
    there = bucket.contents()
    assert there == {name: (tmp_path / "cache" / name).read_bytes() for name in there}
    assert len(there) == 3
    assert "copying path" not in bucket.run("nix.main", "copy", "--no-check-sigs", "--to", bucket.url, out).stderr.decode()
    assert bucket.run("nix.main", "store", "cat", "--store", bucket.url, out).stdout == b"made\n"
    info = json.loads(bucket.run("nix.main", "path-info", "--json", "--json-format", "1", "--store", bucket.url, out).stdout)
    assert info[out]["url"].startswith("nar/")
    absent = f"{tmp_path}/store/{'a' * 32}-x"
    assert f"path '{absent}' is not valid" in bucket.run("nix.main", "path-info", "--store", bucket.url, absent, code=1).stderr.decode()
    other = {"NIX_STATE_DIR": f"{tmp_path}/other/state"}
    store = f"local?store={tmp_path}/store&real={tmp_path}/other/store&state={tmp_path}/other/state"
    made = bucket.run(
        "old.build", f"{tmp_path}/packages.nix", "--no-out-link", "--store", store, settings=f"substituters = {bucket.url}&trusted=true\nmax-jobs = 0", **other
    )
    assert made.stdout.decode().strip() == out and f"copying path '{out}' from '{bucket.url}'" in made.stderr.decode()


def test_large_files_are_uploaded_in_parts(bucket, tmp_path):
    (tmp_path / "large").write_bytes(os.urandom(12 << 20))
    out = bucket.run("nix.main", "store", "add", f"{tmp_path}/large").stdout.decode().strip()
    url = bucket.url + "&multipart-upload=true&multipart-threshold=6000000&compression=none&storage-class=STANDARD_IA"
    bucket.run("nix.main", "copy", "--no-check-sigs", "--to", url, out)
    [name] = [name for name in bucket.contents() if name.startswith("nar/")]
    found = bucket.client("s3").head_object(Bucket="snowflakes", Key=name)
    assert found["ETag"].endswith('-3"') and found["StorageClass"] == "STANDARD_IA"
    assert bucket.run("nix.main", "store", "cat", "--store", bucket.url, out).stdout == (tmp_path / "large").read_bytes()
    wrong = bucket.run("nix.main", "path-info", "--store", bucket.url + "&multipart-chunk-size=1", out, code=1)
    assert b"multipart-chunk-size must be at least 5.0 MiB, got 0.0 KiB" in wrong.stderr


def test_requests_are_signed_once_the_bucket_requires_it(bucket, tmp_path):
    (tmp_path / "file").write_text("text")
    out = bucket.run("nix.main", "store", "add", f"{tmp_path}/file").stdout.decode().strip()
    keys = bucket.only_for("s3:*")
    bucket.run("nix.main", "copy", "--no-check-sigs", "--to", bucket.url, out, **keys)
    assert bucket.run("nix.main", "store", "cat", "--store", bucket.url, out, **keys).stdout == b"text"
    wrong = keys | {"AWS_SECRET_ACCESS_KEY": "wrong"}
    refused = bucket.run("nix.main", "copy", "--no-check-sigs", "--to", bucket.url, out, code=1, **wrong).stderr.decode()
    assert "while uploading to S3 binary cache at 's3://snowflakes" in refused and "HTTP error 403" in refused and "SignatureDoesNotMatch" in refused
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/credentials").write_text(
        f"[snow]\naws_access_key_id = {keys['AWS_ACCESS_KEY_ID']}\naws_secret_access_key = {keys['AWS_SECRET_ACCESS_KEY']}\n"
    )
    nobody = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    assert bucket.run("nix.main", "store", "cat", "--store", bucket.url + "&profile=snow", out, **nobody).stdout == b"text"
    unknown = bucket.run("nix.main", "store", "cat", "--store", bucket.url + "&profile=rain", out, code=1, **nobody).stderr.decode()
    assert "AWS authentication failed for profile 'rain'" in unknown
    anonymous = bucket.run("nix.main", "store", "cat", "--store", bucket.url, out, code=1, **nobody, HOME=f"{tmp_path}/nobody").stderr.decode()
    assert "does not appear to be a binary cache" in anonymous


def test_sources_in_a_bucket_are_fetched(bucket):
    bucket.client("s3").put_object(Bucket="snowflakes", Key="folder/a file", Body=b"contents")
    url = bucket.url.replace("snowflakes", "snowflakes/folder/a%20file")
    digest = hashlib.sha256(b"contents").hexdigest()
    for given in ("", f'sha256 = "{digest}";'):
        expression = f'builtins.readFile (builtins.fetchurl {{ url = "{url}"; name = "x"; {given} }})'
        assert bucket.run("instantiate", "--eval", "--read-write-mode", "-E", expression).stdout == b'"contents"\n'
    gone = bucket.run("instantiate", "--eval", "-E", f'builtins.fetchurl {{ url = "{url}&versionId=x"; name = "x"; }}', code=1).stderr.decode()
    assert f"unable to download '{bucket.address}/snowflakes/folder/a%20file?versionId=x'" in gone and "HTTP error 4" in gone


def test_public_buckets_need_no_botocore(monkeypatch):
    from snowsnake.fetch.s3 import Signer

    for name in ("botocore", "botocore.credentials"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    assert Signer(print).headers("GET", S3Place("https://x/y"), given={"A": "b"}) == {"A": "b"}
    with pytest.raises(FetchFailure, match=r"pip install 'snowsnake\[s3\]'"):
        Signer(print).headers("GET", S3Place("https://x/y", profile="p"))
