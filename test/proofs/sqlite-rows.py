"""Writes a thousand rows to a database in WAL mode, or tells how many there are and their digest.

sqlite-rows.py write FILE FROM | sqlite-rows.py digest FILE
"""

import hashlib
import sqlite3
import sys

verb, file = sys.argv[1], sys.argv[2]
database = sqlite3.connect(file, timeout=30)
if verb == "write":
    first = int(sys.argv[3])
    database.execute("pragma journal_mode = wal")
    database.execute("create table if not exists rows (number integer primary key, text text)")
    for number in range(first, first + 1000):
        text = hashlib.sha256(str(number).encode()).hexdigest() * 4
        database.execute("insert into rows values (?, ?)", (number, text))
        if number % 50 == 49:
            database.commit()
    database.commit()
else:
    rows = database.execute("select number, text from rows order by number").fetchall()
    print(len(rows), hashlib.sha256(repr(rows).encode()).hexdigest())
database.close()
