"""Objects in buckets of Amazon S3, and of servers that speak its protocol: `s3://BUCKET/KEY?region=…&endpoint=…`.

In: URLs.  Out: the same objects' HTTP URLs, and headers that sign requests for them.  Credentials come from the places where AWS's own programs look
for them: variables, the files of a profile, single sign-on, the machine itself.  Without credentials, requests are not signed; public buckets
allow that.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from snowsnake.fetch.errors import FetchFailure

if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import dataclass
    from typing import BinaryIO
else:
    from snowsnake.store.light_dataclass import dataclass

STYLES = ("auto", "path", "virtual")
# These query parameters belong to the address.
PARAMETERS = ("profile", "region", "scheme", "endpoint", "addressing-style")
_DEFAULT_REGION = "us-east-1"
_UNESCAPED = "!$&'()*+,;=:@~"


class BadS3Url(FetchFailure):
    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"while parsing S3 URI: '{url}': {reason}")


@dataclass
class S3Place:
    """An object: its HTTP URL, and the profile and region with which requests for it are signed."""

    url: str
    region: str = _DEFAULT_REGION
    profile: str = ""

    @classmethod
    def parse(cls, url: str, on_warning: Callable[[str], None] = lambda text: None) -> S3Place:
        """Parses a URL; raises BadS3Url if it names no object.

        >>> S3Place.parse("s3://snow/a%20b?region=eu-west-1").url
        'https://snow.s3.eu-west-1.amazonaws.com/a%20b'
        >>> S3Place.parse("s3://snow/a?endpoint=localhost:9000&scheme=http").url
        'http://localhost:9000/snow/a'
        """
        parts = urlsplit(url)
        given: dict[str, str] = {}
        for name, text in parse_qsl(parts.query.replace("+", "%2B"), keep_blank_values=True):
            given.setdefault(name, text)
        bucket = unquote(parts.netloc.rpartition("@")[2].partition(":")[0])
        if not bucket or bucket.startswith("["):
            raise BadS3Url(url, "URI has a missing or invalid bucket name")
        if len(parts.path) < 2:
            raise BadS3Url(url, "URI has a missing or invalid key")
        style = given.get("addressing-style", "auto")
        if style not in STYLES:
            raise BadS3Url(url, f"unknown S3 addressing style '{style}', expected 'auto', 'path', or 'virtual'")
        endpoint = given.get("endpoint")
        is_virtual = style == "virtual" or (style == "auto" and endpoint is None)
        if is_virtual and "." in bucket:
            if style == "virtual":
                raise FetchFailure(
                    f"bucket name '{bucket}' contains a dot, which is incompatible with virtual-hosted-style addressing (causes TLS certificate errors); "
                    "use 'addressing-style=path' or 'addressing-style=auto' instead"
                )
            on_warning(
                f"bucket name '{bucket}' contains a dot; falling back to path-style addressing (virtual-hosted-style requires non-dotted bucket names "
                "for TLS certificate validity); set 'addressing-style=path' to silence this warning"
            )
            is_virtual = False
        region = given.get("region") or _DEFAULT_REGION
        scheme, host, folder = given.get("scheme", "https"), f"s3.{region}.amazonaws.com", ""
        if endpoint is not None:
            whole = urlsplit(endpoint if "://" in endpoint else f"{scheme}://{endpoint}")
            scheme, host, folder = whole.scheme, whole.netloc, whole.path.rstrip("/")
        if scheme not in ("http", "https") or not host:
            raise BadS3Url(url, f"'{endpoint or scheme}' is not an address of a server")
        if is_virtual:
            host = f"{bucket}.{host}"
        else:
            folder += "/" + quote(bucket, safe=_UNESCAPED)
        key = "/".join(quote(unquote(piece), safe=_UNESCAPED) for piece in parts.path.split("/"))
        query = urlencode({"versionId": given["versionId"]}) if "versionId" in given else ""
        return cls(f"{scheme}://{host}{folder}{key}" + ("?" + query if query else ""), region, given.get("profile", ""))


class Signer:
    """Signs requests.  Several threads may use it; credentials are looked for once for each profile."""

    def __init__(self, on_warning: Callable[[str], None]) -> None:
        self._warn = on_warning
        self._lock = threading.Lock()
        self._found: dict[str, Any] = {}

    def headers(self, method: str, place: S3Place, url: str = "", given: dict[str, str] | None = None, body: bytes | BinaryIO | None = None) -> dict[str, str]:
        """Returns *given* together with the headers that sign a request with them.

        *url*: the URL of the request, if it has other parameters than that of *place*.  A file as *body* is read from its beginning, and rewound.
        """
        credentials = self._credentials(place.profile)
        if credentials is None:
            return dict(given or {})
        from botocore.auth import S3SigV4Auth
        from botocore.awsrequest import AWSRequest

        request = AWSRequest(method, url or place.url, headers=given or {}, data=body if body is not None else b"")
        request.context["payload_signing_enabled"] = True
        S3SigV4Auth(credentials.get_frozen_credentials(), "s3", place.region).add_auth(request)
        if body is not None and not isinstance(body, bytes):
            body.seek(0)
        return {name: value for name, value in request.headers.items() if name.lower() != "host"}

    def _credentials(self, profile: str) -> Any:
        with self._lock:
            if profile not in self._found:
                self._found[profile] = self._looked_for(profile)
            return self._found[profile]

    def _looked_for(self, profile: str) -> Any:
        """Looks for credentials.  Variables come before a profile, even before one that the URL names, as in C++ Nix."""
        try:
            from botocore.credentials import EnvProvider
            from botocore.exceptions import BotoCoreError
            from botocore.session import Session
        except ImportError:
            if "AWS_ACCESS_KEY_ID" in os.environ or profile:
                raise FetchFailure("signed requests to S3 need the package botocore: pip install 'snowsnake[s3]'") from None
            return None
        try:
            found = EnvProvider().load()
            return found if found is not None else Session(profile=profile or None).get_credentials()
        except BotoCoreError as error:
            self._warn(f"AWS authentication failed for profile '{profile or 'default'}': {error}")
            return None
