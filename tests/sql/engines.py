"""Sums a bill in engines by the queries of `credits bill sql`, and applies what they give.

usage: engines.py CREDITS [CUR-2.0.csv]
"""

import csv
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile
from decimal import Decimal

import duckdb
import psycopg2
import sqlglot
from pyspark.sql import SparkSession

CREDITS = os.path.abspath(sys.argv[1])
WORK = tempfile.mkdtemp(prefix="credits-sql.")
ENV = dict(os.environ, CREDITS_LEDGER=os.path.join(WORK, "ledger.db"), CREDITS_TODAY="2026-11-05")

passed = failed = 0


def test(name, is_good, detail=""):
    global passed, failed
    if is_good:
        passed += 1
        print(f"ok      {name}", flush=True)
    else:
        failed += 1
        print(f"FAILED  {name} {detail}", flush=True)


def credits(*arguments):
    done = subprocess.run([CREDITS, *arguments], env=ENV, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"credits {arguments}: {done.stderr}")
    return done.stdout


def query(dialect, table, *more):
    return credits("bill", "sql", "--dialect", dialect, "--table", table, *more)


def statement(*arguments):
    return credits("--json", "apply", "--dry-run", *arguments)


def write_csv(path, columns, rows):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(["" if cell is None else cell for cell in row] for row in rows)


def write_lines(path, columns, rows):
    with open(path, "w") as file:
        for row in rows:
            cells = (cell if isinstance(cell, (int, type(None))) else str(cell) for cell in row)
            file.write(json.dumps(dict(zip(columns, cells))) + "\n")


def same_as_file(engine, columns, rows, expected):
    for ending, write in (("csv", write_csv), ("jsonl", write_lines)):
        path = os.path.join(WORK, f"{engine.replace(' ', '-')}.{ending}")
        write(path, columns, rows)
        for stated in ([], ["--input", "groups"]):
            given = statement(*stated, path)
            how = "as stated" if stated else "as recognised"
            test(f"{engine}, {ending}, {how}: the statement of the file", given == expected, path)


def near(engine, columns, rows, expected):
    path = os.path.join(WORK, f"{engine.replace(' ', '-')}.csv")
    write_csv(path, columns, rows)
    ours, theirs = json.loads(expected), json.loads(statement(path))
    ids = [[charge["id"] for charge in bill["charges"]] for bill in (ours, theirs)]
    apart = [
        abs(Decimal(one["amount"]) - Decimal(other["amount"]))
        for one, other in zip(ours["charges"], theirs["charges"])
    ]
    is_near = ids[0] == ids[1] and max(apart) <= Decimal("1e-12")
    test(f"{engine}: the statement of the file, within 1e-12", is_near, f"{max(apart)} {path}")


def small_cur(path):
    """A report with what makes rows differ: signs, exponents, empty and missing cells, maps."""
    columns = """bill_payer_account_id bill_billing_period_start_date bill_invoice_id bill_billing_entity
        line_item_currency_code line_item_line_item_type line_item_unblended_cost line_item_usage_start_date
        line_item_usage_account_id line_item_product_code product_servicecode product_region_code product
        line_item_line_item_description""".split()
    rows = []
    for number in range(4000):
        account = f"{(number % 5) * 11111111111:012}"
        cost = ["0.0000001234", "1.5E-7", "-0.25", "12.3456789012345678", "0", "-7.0E-10"][number % 6]
        kind = ["Usage", "Credit", "Tax", "Refund", "Fee"][number % 5]
        region = ["us-east-1", "", "NULL", "eu-west-1"][number % 4]
        product = json.dumps({"product_name": f'Thing "{number % 3}", Bedrock', "region": ["ap-south-1", ""][number % 2]})
        rows.append([
            "000000000001", "2026-10-01T00:00:00.000Z", ["7", "8"][number % 2], ["AWS", "AWS Marketplace"][number % 7 == 0],
            "USD", kind, cost, f"2026-10-{number % 31 + 1:02}T05:00:00.000Z", account, ["AmazonEC2", "AmazonS3"][number % 2],
            ["AmazonEC2", "", "awskms"][number % 3], region, product, f'Words, "{number % 4}"',
        ])
    write_csv(path, columns, rows)


def small_focus(path):
    columns = """BillingAccountId BillingPeriodStart BillingCurrency ProviderName PublisherName ChargeCategory
        ChargeFrequency SubAccountId ServiceName RegionId RegionName ChargePeriodStart ChargeDescription BilledCost""".split()
    rows = []
    for number in range(500):
        rows.append([
            "billing/1", "2026-10-01 00:00:00", "EUR", "Microsoft", ["Microsoft", "Example"][number % 2],
            ["Usage", "Purchase", "Credit", "Tax"][number % 4], ["Recurring", "One-Time", ""][number % 3], f"sub/{number % 3}",
            ["Virtual Machines", "Storage"][number % 2], ["westeurope", ""][number % 2], "EU West", f"2026-10-{number % 31 + 1:02} 01:00:00",
            f"Words {number % 2}", ["1.5", "-0.125", "2E-8"][number % 3],
        ])
    write_csv(path, columns, rows)


class Postgres:
    """A server of its own, without a network."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="credits-pg.")
        bins = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[4]))
        self.bin = bins[-1] if bins else os.path.dirname(shutil.which("pg_ctl") or "pg_ctl")
        self.prefix = []
        if os.getuid() == 0:
            shutil.chown(self.folder, "postgres")
            self.prefix = ["runuser", "-u", "postgres", "--"]
        self.run("initdb", "-D", f"{self.folder}/data", "-U", "credits", "-A", "trust", "-E", "UTF8")
        options = f"-k {self.folder} -c listen_addresses='' -c fsync=off"
        self.run("pg_ctl", "-D", f"{self.folder}/data", "-w", "-l", f"{self.folder}/log", "-o", options, "start")
        self.connection = psycopg2.connect(host=self.folder, user="credits", dbname="postgres")

    def run(self, command, *arguments):
        argv = [*self.prefix, os.path.join(self.bin, command), *arguments]
        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, cwd="/")

    def load(self, table, path, types=()):
        with open(path, newline="") as file, self.connection.cursor() as cursor:
            columns = next(csv.reader(file))
            file.seek(0)
            kinds = dict(types)
            fields = ", ".join(f'"{column}" {kinds.get(column, "text")}' for column in columns)
            cursor.execute("set time zone 'UTC'")
            cursor.execute(f'create table "{table}" ({fields})')
            cursor.copy_expert(f'copy "{table}" from stdin (format csv, header true, force_not_null ({", ".join(json.dumps(column) for column in columns if column not in kinds)}))', file)
        self.connection.commit()

    def rows(self, sql):
        with self.connection.cursor() as cursor:
            cursor.execute(sql)
            return [column.name for column in cursor.description], cursor.fetchall()

    def stop(self):
        self.connection.close()
        self.run("pg_ctl", "-D", f"{self.folder}/data", "-m", "immediate", "stop")
        shutil.rmtree(self.folder, ignore_errors=True)


def duck_rows(sql, before=""):
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")
    if before:
        connection.execute(before)
    result = connection.execute(sql)
    return [column[0] for column in result.description], result.fetchall()


def spark_rows(spark, sql):
    frame = spark.sql(sql)
    return frame.columns, [list(row) for row in frame.collect()]


DOUBLES = [("line_item_unblended_cost", "double precision"), ("line_item_usage_start_date", "timestamptz"), ("bill_billing_period_start_date", "timestamptz")]


def typed(source, target):
    """The same report as Parquet: doubles, timestamps, a map."""
    duckdb.connect().execute(f"""
        set TimeZone = 'UTC';
        copy (select * replace (
            cast(line_item_unblended_cost as double) as line_item_unblended_cost,
            cast(line_item_usage_start_date as timestamp) as line_item_usage_start_date,
            cast(bill_billing_period_start_date as timestamp) as bill_billing_period_start_date,
            cast(cast(product as json) as map(varchar, varchar)) as product)
        from read_csv('{source}', all_varchar = true)) to '{target}' (format parquet, compression zstd)""")


def main():
    cur, focus, parquet = (os.path.join(WORK, name) for name in ("cur.csv", "focus.csv", "cur.parquet"))
    small_cur(cur)
    if len(sys.argv) > 2:
        cur = os.path.abspath(sys.argv[2])
    small_focus(focus)
    typed(cur, parquet)
    payer = next(csv.DictReader(open(cur, newline="")))["bill_payer_account_id"]
    credits("grant", "--kind", "promotional", "--amount", "100", "--account", payer, "--start", "2026-01-01")
    of_cur, of_focus, of_parquet = statement(cur), statement(focus), statement(parquet)
    text, month = ["--product-text"], ["--month", "2026-10"]

    table = f"read_csv('{cur}', all_varchar = true)"
    same_as_file("duckdb", *duck_rows(query("duckdb", table, *text, *month)), of_cur)
    table = f"read_csv('{focus}', all_varchar = true)"
    same_as_file("duckdb focus", *duck_rows(query("duckdb", table, "--format", "focus")), of_focus)
    near("duckdb doubles", *duck_rows(query("duckdb", f"read_parquet('{parquet}')")), of_parquet)

    postgres = Postgres()
    try:
        postgres.load("cur", cur)
        same_as_file("postgres", *postgres.rows(query("postgres", "cur", *month)), of_cur)
        postgres.load("Focus", focus)
        same_as_file("postgres focus", *postgres.rows(query("postgres", "Focus", "--format", "focus")), of_focus)
        postgres.load("doubles", cur, DOUBLES)
        near("postgres doubles", *postgres.rows(query("postgres", "doubles")), of_parquet)
    finally:
        postgres.stop()

    spark = (SparkSession.builder.master("local[2]").appName("credits").config("spark.ui.enabled", "false")
             .config("spark.sql.session.timeZone", "UTC").config("spark.sql.warehouse.dir", os.path.join(WORK, "spark"))
             .config("spark.log.level", "ERROR").getOrCreate())
    options = {"header": True, "escape": '"', "quote": '"', "multiLine": True, "emptyValue": "", "nullValue": "\u0001"}
    spark.read.options(**options).csv(cur).createOrReplaceTempView("cur")
    same_as_file("spark", *spark_rows(spark, query("spark", "cur", *text, *month)), of_cur)
    spark.read.options(**options).csv(focus).createOrReplaceTempView("focus")
    same_as_file("spark focus", *spark_rows(spark, query("spark", "focus", "--format", "focus")), of_focus)
    spark.read.parquet(parquet).createOrReplaceTempView("doubles")
    near("spark doubles", *spark_rows(spark, query("spark", "doubles")), of_parquet)
    spark.stop()

    for dialect in ("athena", "trino", "bigquery", "spark", "duckdb", "postgres"):
        for export in ("cur2", "cur-legacy", "focus"):
            sql = query(dialect, "billing.export", "--format", export, *month)
            try:
                trees = sqlglot.parse(sql, dialect=dialect)
                test(f"{dialect}, {export}: a parser of SQL reads the query", len(trees) == 1)
            except sqlglot.errors.ParseError as error:
                test(f"{dialect}, {export}: a parser of SQL reads the query", False, error)

    print(f"{passed} passed, {failed} failed")
    if not failed:
        shutil.rmtree(WORK)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
