#!/bin/sh
# Runs the queries of `credits bill sql` on DuckDB, PostgreSQL and Spark, applies what they give, and
# requires the statement of the file itself. The queries for Athena, Trino and BigQuery, which run
# nowhere but there, are read by a parser of SQL.
#
#   tests/sql/run.sh target/debug/credits [CUR-2.0.csv]
#
# Needs python3 with venv, PostgreSQL and Java 17; installs the rest from PyPI below target/. Prints a
# line a test and, at the end, how many passed; status 1 if one failed.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
command=$(realpath "${1:?the path of credits}")
place=$here/../../target/sql-engines
if [ ! -e "$place/ready" ]; then
    python3 -m venv "$place"
    "$place/bin/pip" install --quiet --disable-pip-version-check \
        'duckdb==2.0.1' 'pyspark==4.3.0' 'sqlglot==30.30.0' 'psycopg2-binary==2.9.13'
    touch "$place/ready"
fi
shift
exec "$place/bin/python" "$here/engines.py" "$command" "$@"
