"""rows(TABLE): makes one test method per row of a table, named by the row's first entry."""

import re


def rows(table):
    """Class decorator: `check_row(self, *row[1:])` is run for each row."""

    def decorate(cls):
        for row in table:
            name = "test: " + row[0]
            if hasattr(cls, name):
                raise ValueError(f"two rows called {row[0]!r}")
            setattr(cls, name, lambda self, row=row: self.check_row(*row[1:]))
        return cls

    return decorate


def check_error(test, reply, status, kind):
    """An error that Baton itself made: the vendor's shape, a fitting type, an id, a sentence that echoes little."""
    test.assertEqual(reply.status, status, reply.body[:300])
    test.assertEqual(reply.one("content-type", "").split(";")[0], "application/json")
    error = reply.json()
    test.assertEqual(error["type"], "error")
    test.assertEqual(error["error"]["type"], kind, error)
    test.assertGreater(len(error["error"]["message"]), 10)
    test.assertNotRegex(error["error"]["message"], r"[^\x20-\x7e]")
    test.assertIsNone(re.search(r"A{65}", error["error"]["message"]), "echoes more than 64 bytes of the input")
    test.assertRegex(error.get("request_id", ""), r"^\S{8,}$")
    if status in (400, 401, 403, 404, 405, 413, 415, 417, 431, 501, 505):
        test.assertEqual(reply.one("x-should-retry"), "false")
