"""Sums a bill by the query of `credits bill sql --dialect spark --table cur`.

usage: sums.py FOLDER_OF_PARQUET QUERY.sql SUMS.csv
"""

import csv
import sys

from pyspark.sql import SparkSession

folder, query, target = sys.argv[1:]
spark = SparkSession.builder.appName("credits").config("spark.sql.session.timeZone", "UTC").getOrCreate()
# Reports of different months may have different columns.
spark.read.option("mergeSchema", True).parquet(folder).createOrReplaceTempView("cur")
with open(query) as text:
    sums = spark.sql(text.read())
with open(target, "w", newline="") as file:
    writer = csv.writer(file)
    writer.writerow(sums.columns)
    # Partition by partition, so that one is in the memory of this machine at a time.
    for row in sums.toLocalIterator():
        writer.writerow(["" if cell is None else cell for cell in row])
spark.stop()
