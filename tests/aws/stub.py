#!/usr/bin/env python3
"""A stand-in for AWS on 127.0.0.1, for the recipe in examples/aws: the calls that it makes, no more.

It answers from the shapes in `recorded/`, which were made by hand after the API models, and checks
what the models and their documentation ask of a request. Nothing leaves the machine.

    stub.py STATE LOG      prints its address, then serves until it is ended

STATE is a JSON file that is read at each request: `today`, the day that it is, `page`, how many entries a
page of the history has at most, and `faults`, what goes wrong, by name of the operation. LOG gets a
line a request.
"""

import csv
import gzip
import hashlib
import io
import json
import re
import sys
from collections import defaultdict
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.sax.saxutils import escape

RECORDED = Path(__file__).parent / "recorded"
ACCOUNT = "111122223333"
BUCKET, PREFIX, EXPORT = "billing-of-111122223333", "exports", "credits"
# Few enough for several pages.
KEYS_PAGE = 4
# Service names of Cost Explorer.
NAMES = {
    "AmazonEC2": "Amazon Elastic Compute Cloud - Compute",
    "AmazonS3": "Amazon Simple Storage Service",
    "AmazonRDS": "Amazon Relational Database Service",
    "AmazonRegistrar": "Amazon Registrar",
}


class Refused(Exception):
    """An error as AWS answers it."""

    def __init__(self, kind, message, status=400):
        super().__init__(message)
        self.kind, self.message, self.status = kind, message, status


def invalid(message):
    return Refused("ValidationException", message)


class State:
    """What the state file says."""

    def __init__(self, path):
        said = json.loads(Path(path).read_text())
        self.today = date.fromisoformat(said["today"])
        self.page = said.get("page", 1000)
        self.faults = said.get("faults", {})

    def recorded(self, name):
        return json.loads((RECORDED / f"{name}-{self.today:%Y-%m}.json").read_text())


# ---- What requests have to be -------------------------------------------------------------------


def members(request, required, optional=()):
    for name in required:
        if name not in request:
            raise invalid(f"missing required member {name}")
    for name in request:
        if name not in required and name not in optional:
            raise Refused("SerializationException", f"unknown member {name}")


def account_id(request, name="accountId"):
    if not re.fullmatch("[0-9]{12}", request[name]):
        raise invalid(f"{name} must be a 12-digit numeric string")
    if request[name] != ACCOUNT:
        raise Refused("AccessDeniedException", f"not authorized for account {request[name]}")


def instant(request, name):
    seconds = request[name]
    if not isinstance(seconds, (int, float)):
        raise Refused("SerializationException", f"{name} is not in epoch seconds")
    return datetime.fromtimestamp(seconds, timezone.utc)


def get_credits(request, state):
    members(request, ["accountId", "startDate"], ["endDate", "payerAccountFlag"])
    account_id(request)
    start = instant(request, "startDate").date()
    year_ago = (state.today + timedelta(days=1)).replace(year=state.today.year - 1) - timedelta(days=1)
    if start > state.today:
        raise invalid("startDate must be a past date")
    if start < year_ago:
        raise invalid("startDate must be not more than one year before the current date")
    if "endDate" in request and not start <= instant(request, "endDate").date() <= state.today:
        raise invalid("endDate must not be a future date and must be on or after startDate")
    return state.recorded("credits")


def get_credit_allocation_history(request, state):
    members(
        request,
        ["accountId", "startDate", "endDate"],
        ["creditId", "nextToken", "maxResults"],
    )
    account_id(request)
    start, end = instant(request, "startDate"), instant(request, "endDate")
    for when in (start, end):
        if (when.day, when.hour, when.minute, when.second) != (1, 0, 0, 0):
            raise invalid("dates must be the first of a month, 00:00 UTC")
    if start > end:
        raise invalid("startDate must be on or before endDate")
    if (end.year - start.year) * 12 + end.month - start.month + 1 > 24:
        raise invalid("the range cannot exceed 24 billing months")
    if not 1 <= request.get("maxResults", 100) <= 1000:
        raise invalid("maxResults must be from 1 to 1000")
    entries = state.recorded("history")["creditAllocationHistoryList"]
    first, last = f"{start:%Y-%m}", f"{end:%Y-%m}"
    entries = [entry for entry in entries if first <= entry["billingMonth"] <= last]
    if state.faults.get("GetCreditAllocationHistory") == "differs":
        amount = entries[-1]["creditAmount"]
        amount["currencyAmount"] = str(Decimal(amount["currencyAmount"]) - Decimal("0.00001"))
    at = 0
    if "nextToken" in request:
        token = re.fullmatch("page-([0-9]+)", request["nextToken"])
        if not token:
            raise invalid("nextToken is not one of ours")
        at = int(token[1])
    size = min(state.page, request.get("maxResults", 100))
    page, rest = entries[at : at + size], entries[at + size :]
    answer = {"creditAllocationHistoryList": page, "partialResults": False, "failedMonths": []}
    if state.faults.get("GetCreditAllocationHistory") == "partial" and not rest:
        # The last page only: whoever looks at the first does not see it.
        month = entries[-1]["billingMonth"]
        page = [entry for entry in page if entry["billingMonth"] != month]
        answer = {"creditAllocationHistoryList": page, "partialResults": True, "failedMonths": [month]}
    if rest:
        answer["nextToken"] = f"page-{at + size}"
    return answer


def get_cost_and_usage(request, state):
    members(
        request,
        ["TimePeriod", "Granularity", "Metrics"],
        ["Filter", "GroupBy", "BillingViewArn", "NextPageToken"],
    )
    start, end = (date.fromisoformat(request["TimePeriod"][name]) for name in ("Start", "End"))
    if start >= end:
        raise invalid("Start date (and hour) should be before end date (and hour)")
    if end > (state.today.replace(day=1) + timedelta(days=32)).replace(day=1):
        raise invalid("end date past the beginning of next month")
    if request["Granularity"] != "DAILY" or request["Metrics"] != ["UnblendedCost"]:
        raise invalid("recorded are UnblendedCost by day")
    group_by = [group["Key"] for group in request.get("GroupBy", []) if group["Type"] == "DIMENSION"]
    if group_by not in (["SERVICE", "RECORD_TYPE"], ["SERVICE", "LINKED_ACCOUNT"]):
        raise invalid("recorded are groups by SERVICE and RECORD_TYPE or LINKED_ACCOUNT")
    without = request.get("Filter", {"Not": {"Dimensions": {"Key": "RECORD_TYPE", "Values": []}}})
    without = without["Not"]["Dimensions"]
    if without["Key"] != "RECORD_TYPE":
        raise invalid("recorded is a filter of record types")
    sums, final = defaultdict(Decimal), {}
    for month in {f"{start + timedelta(days=n):%Y-%m}" for n in range((end - start).days)}:
        for part in parts_of(month, state):
            for row in csv.DictReader(io.StringIO(part)):
                day = row["line_item_usage_start_date"][:10]
                service = NAMES[row["product_servicecode"]]
                kind = row["line_item_line_item_type"]
                kind = {"Fee": "Other out-of-cycle charges"}.get(kind, kind)
                service = "Tax" if kind == "Tax" else service
                account = row["line_item_usage_account_id"]
                if kind not in without["Values"]:
                    key = kind if group_by[1] == "RECORD_TYPE" else account
                    sums[day, service, key] += Decimal(row["line_item_unblended_cost"])
                final[month] = row["bill_invoice_id"] != ""
    results = []
    for n in range((end - start).days):
        day = start + timedelta(days=n)
        groups = [
            {"Keys": [service, key], "Metrics": {"UnblendedCost": {"Amount": format(amount, "f"), "Unit": "USD"}}}
            for (on, service, key), amount in sorted(sums.items())
            if on == str(day)
        ]
        period = {"Start": str(day), "End": str(day + timedelta(days=1))}
        estimated = not final.get(f"{day:%Y-%m}", False)
        results.append({"TimePeriod": period, "Total": {}, "Groups": groups, "Estimated": estimated})
    at, size = int(request.get("NextPageToken", "0")), min(state.page, 40)
    answer = {
        "GroupDefinitions": request["GroupBy"],
        "ResultsByTime": results[at : at + size],
        "DimensionValueAttributes": [],
    }
    if results[at + size :]:
        answer["NextPageToken"] = str(at + size)
    return answer


def create_export(request, state):
    members(request, ["Export"], ["ResourceTags"])
    export = request["Export"]
    members(
        export,
        ["Name", "DataQuery", "DestinationConfigurations", "RefreshCadence"],
        ["ExportArn", "Description"],
    )
    if not re.fullmatch(r"[0-9A-Za-z\-_]{1,128}", export["Name"]):
        raise invalid("Name has other characters than letters, digits, - and _")
    members(export["DataQuery"], ["QueryStatement", "TableConfigurations"])
    query = re.fullmatch(r"SELECT ([a-z_, ]+) FROM COST_AND_USAGE_REPORT", export["DataQuery"]["QueryStatement"])
    if not query:
        raise invalid("QueryStatement is not supported")
    columns = query[1].split(", ")
    recorded = header()
    if sorted(columns) != sorted(recorded):
        raise invalid(f"recorded are other columns: {', '.join(recorded)}")
    (table, properties), *more = export["DataQuery"]["TableConfigurations"].items()
    allowed = {
        "TIME_GRANULARITY": ("HOURLY", "DAILY", "MONTHLY"),
        "INCLUDE_RESOURCES": ("TRUE", "FALSE"),
        "INCLUDE_MANUAL_DISCOUNT_COMPATIBILITY": ("TRUE", "FALSE"),
        "INCLUDE_SPLIT_COST_ALLOCATION_DATA": ("TRUE", "FALSE"),
    }
    if table != "COST_AND_USAGE_REPORT" or more:
        raise invalid("TableConfigurations of another table than the query's")
    for name, value in properties.items():
        if value not in allowed.get(name, ()):
            raise invalid(f"table property {name} cannot be {value}")
    to = export["DestinationConfigurations"]["S3Destination"]
    members(to, ["S3Bucket", "S3Prefix", "S3Region", "S3OutputConfigurations"], ["S3BucketOwner"])
    if to["S3Bucket"] != BUCKET:
        raise invalid(f"no permission to write to bucket {to['S3Bucket']}")
    if to["S3OutputConfigurations"] != {
        "OutputType": "CUSTOM",
        "Format": "TEXT_OR_CSV",
        "Compression": "GZIP",
        "Overwrite": "OVERWRITE_REPORT",
    }:
        raise invalid("recorded is a delivery as gzip that overwrites")
    if export["RefreshCadence"] != {"Frequency": "SYNCHRONOUS"}:
        raise invalid("RefreshCadence can only be SYNCHRONOUS")
    return {"ExportArn": arn()}


def arn():
    return f"arn:aws:bcm-data-exports:us-east-1:{ACCOUNT}:export/{EXPORT}-00000000-0000-0000-0000-000000000000"


def list_exports(request, state):
    members(request, [], ["MaxResults", "NextToken"])
    return {"Exports": [{"ExportArn": arn(), "ExportName": EXPORT, "ExportStatus": {"StatusCode": "HEALTHY"}}]}


def list_executions(request, state):
    members(request, ["ExportArn"], ["MaxResults", "NextToken"])
    if request["ExportArn"] != arn():
        raise Refused("ResourceNotFoundException", "no such export")
    status = {"StatusCode": "DELIVERY_SUCCESS", "CreatedAt": f"{state.today}T04:00:00Z"}
    return {"Executions": [{"ExecutionId": "execution", "ExecutionStatus": status}]}


# By target, with the name of the service in the signature and the version of JSON.
OPERATIONS = {
    "AWSBilling.GetCredits": (get_credits, "billing", "1.0"),
    "AWSBilling.GetCreditAllocationHistory": (get_credit_allocation_history, "billing", "1.0"),
    "AWSInsightsIndexService.GetCostAndUsage": (get_cost_and_usage, "ce", "1.1"),
    "AWSBillingAndCostManagementDataExports.CreateExport": (create_export, "bcm-data-exports", "1.1"),
    "AWSBillingAndCostManagementDataExports.ListExports": (list_exports, "bcm-data-exports", "1.1"),
    "AWSBillingAndCostManagementDataExports.ListExecutions": (list_executions, "bcm-data-exports", "1.1"),
}

# ---- The export in its bucket -------------------------------------------------------------------


def editions(state):
    """Which recorded report of a month there is on a day: the last one is open."""
    for folder in sorted((RECORDED / "export").iterdir()):
        month, _, is_open = folder.name.partition("-open")
        month = month[:7]
        this = f"{state.today:%Y-%m}"
        alone = not (RECORDED / "export" / f"{month}-open").exists()
        if month < this and not folder.name.endswith("-open"):
            yield month, folder
        elif month == this and (folder.name.endswith("-open") or alone):
            yield month, folder


def parts_of(month, state):
    for found, folder in editions(state):
        if found == month:
            for part in sorted(folder.glob("*.csv")):
                text = part.read_text()
                if state.faults.get("export") == "another credit":
                    text = text.replace(",AWS Activate Founders,", ",AWS Free Tier,")
                yield text


def header():
    return (RECORDED / "export" / "2026-01" / "1.csv").read_text().splitlines()[0].split(",")


def objects(state):
    """The objects of the bucket by key."""
    found = {}
    for month, folder in editions(state):
        base = f"{PREFIX}/{EXPORT}"
        files = []
        for number, text in enumerate(parts_of(month, state), 1):
            key = f"{base}/data/BILLING_PERIOD={month}/{EXPORT}-{number:05}.csv.gz"
            files.append(f"s3://{BUCKET}/{key}")
            found[key] = gzip.compress(text.encode(), mtime=0)
        manifest = {
            "exportArn": arn(),
            "exportName": EXPORT,
            "executionId": f"execution-of-{folder.name}",
            "dataFiles": files,
        }
        key = f"{base}/metadata/BILLING_PERIOD={month}/{EXPORT}-Manifest.json"
        found[key] = json.dumps(manifest, indent=2).encode()
    fault = state.faults.get("export")
    parts = [key for key in sorted(found) if key.endswith(".csv.gz")]
    if fault == "part missing":
        del found[parts[-1]]
    elif fault == "part cut":
        found[parts[0]] = found[parts[0]][:-40]
    elif fault == "month missing":
        found = {key: value for key, value in found.items() if "=2026-01/" not in key}
    return found


LISTINGS = 0


def list_objects(query, state):
    global LISTINGS
    prefix, after = query.get("prefix", [""])[0], query.get("continuation-token", [""])[0]
    found = objects(state)
    keys = [key for key in sorted(found) if key.startswith(prefix) and key > after]
    page = keys[:KEYS_PAGE]
    when = datetime(2026, 1, 1)
    if state.faults.get("export") == "being delivered":
        LISTINGS += 1
        when += timedelta(hours=LISTINGS)
    contents = "".join(
        f"<Contents><Key>{quote(key, safe='/')}</Key><LastModified>{when:%Y-%m-%dT%H:%M:%S}.000Z</LastModified>"
        f"<ETag>&quot;{hashlib.md5(found[key]).hexdigest()}&quot;</ETag><Size>{len(found[key])}</Size>"
        "<StorageClass>STANDARD</StorageClass></Contents>"
        for key in page
    )
    more = len(keys) > len(page)
    token = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if more else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<Name>{BUCKET}</Name><Prefix>{escape(prefix)}</Prefix><KeyCount>{len(page)}</KeyCount>"
        f"<MaxKeys>1000</MaxKeys><EncodingType>url</EncodingType><IsTruncated>{str(more).lower()}</IsTruncated>"
        f"{token}{contents}</ListBucketResult>"
    )


# ---- HTTP ---------------------------------------------------------------------------------------


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def note(self, line):
        with open(self.server.log, "a") as log:
            log.write(line + "\n")

    def answer(self, status, kind, body, headers=()):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("x-amzn-RequestId", "00000000-0000-0000-0000-000000000000")
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def signed_for(self, service, region=None):
        scope = re.search(r"Credential=[^/]+/[0-9]{8}/([^/]+)/([^/]+)/", self.headers.get("Authorization", ""))
        if not scope or scope[2] != service or scope[1] != (region or scope[1]):
            raise Refused("InvalidSignatureException", f"not signed for {service}", 403)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        target = self.headers.get("X-Amz-Target")
        state = State(self.server.state)
        if target is None:
            self.caller_identity(body, state)
            return
        try:
            name = target.partition(".")[2]
            self.note(f"{name} {body.decode()}")
            if target not in OPERATIONS:
                raise Refused("UnknownOperationException", target)
            answer, service, version = OPERATIONS[target]
            self.signed_for(service, "us-east-1")
            if self.headers["Content-Type"] != f"application/x-amz-json-{version}":
                raise Refused("SerializationException", "another version of JSON")
            fault = state.faults.get(name)
            if fault == "denied":
                raise Refused("AccessDeniedException", f"User is not authorized to perform: {service}:{name}")
            if fault == "down":
                raise Refused("InternalServerException", "internal error", 500)
            said = answer(json.loads(body), state)
            self.answer(200, f"application/x-amz-json-{version}", json.dumps(said).encode())
        except Refused as refused:
            said = {"__type": refused.kind, "message": refused.message}
            self.answer(refused.status, "application/x-amz-json-1.1", json.dumps(said).encode())

    def caller_identity(self, body, state):
        request = parse_qs(body.decode())
        self.note(f"{request.get('Action', ['?'])[0]}")
        space = 'xmlns="https://sts.amazonaws.com/doc/2011-06-15/"'
        try:
            self.signed_for("sts", "us-east-1")
            if request.get("Action") != ["GetCallerIdentity"] or request.get("Version") != ["2011-06-15"]:
                raise Refused("InvalidAction", "unknown action")
            if state.faults.get("GetCallerIdentity") == "denied":
                raise Refused("ExpiredToken", "The security token included in the request is expired", 403)
            said = (
                f"<GetCallerIdentityResponse {space}><GetCallerIdentityResult>"
                f"<Arn>arn:aws:iam::{ACCOUNT}:user/credits</Arn><UserId>AIDAEXAMPLE</UserId><Account>{ACCOUNT}</Account>"
                "</GetCallerIdentityResult><ResponseMetadata><RequestId>0</RequestId></ResponseMetadata>"
                "</GetCallerIdentityResponse>"
            )
            self.answer(200, "text/xml", said.encode())
        except Refused as refused:
            said = (
                f"<ErrorResponse {space}><Error><Type>Sender</Type><Code>{refused.kind}</Code>"
                f"<Message>{escape(refused.message)}</Message></Error><RequestId>0</RequestId></ErrorResponse>"
            )
            self.answer(refused.status, "text/xml", said.encode())

    def do_GET(self):
        url = urlsplit(self.path)
        bucket, _, key = unquote(url.path).lstrip("/").partition("/")
        query = parse_qs(url.query, keep_blank_values=True)
        state = State(self.server.state)
        try:
            self.note(f"{self.command} s3://{bucket}/{key or '?' + query.get('prefix', [''])[0]}")
            self.signed_for("s3")
            if bucket != BUCKET:
                raise Refused("NoSuchBucket", "The specified bucket does not exist", 404)
            fault = state.faults.get("s3")
            if fault == "denied" or (fault and fault in key):
                raise Refused("AccessDenied", "Access Denied", 403)
            if not key:
                self.answer(200, "application/xml", list_objects(query, state).encode())
                return
            found = objects(state)
            if key not in found:
                raise Refused("NoSuchKey", "The specified key does not exist.", 404)
            etag = hashlib.md5(found[key]).hexdigest()
            headers = [("ETag", f'"{etag}"'), ("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")]
            self.answer(200, "binary/octet-stream", found[key], headers)
        except Refused as refused:
            said = f"<Error><Code>{refused.kind}</Code><Message>{escape(refused.message)}</Message></Error>"
            self.answer(refused.status, "application/xml", said.encode())

    do_HEAD = do_GET

    def do_PUT(self):
        """A bucket made, or its policy set."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        url = urlsplit(self.path)
        self.note(f"PUT {self.path}")
        try:
            self.signed_for("s3")
            if url.path.strip("/") != BUCKET:
                raise Refused("AccessDenied", "Access Denied", 403)
            if url.query == "policy":
                statement = json.loads(body)["Statement"][0]
                source = statement["Condition"]["StringLike"]["aws:SourceAccount"]
                if statement["Resource"][1] != f"arn:aws:s3:::{BUCKET}/*" or source != ACCOUNT:
                    raise Refused("MalformedPolicy", "Policy has invalid resource")
            self.answer(200, "application/xml", b"")
        except Refused as refused:
            said = f"<Error><Code>{refused.kind}</Code><Message>{escape(refused.message)}</Message></Error>"
            self.answer(refused.status, "application/xml", said.encode())


def main():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.state, server.log = sys.argv[1:3]
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


main()
