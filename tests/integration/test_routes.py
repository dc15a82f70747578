"""`edgectl routes test`: no agent, no configuration, no right."""
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

EDGECTL = sys.argv.pop(1)
SANITIZER = re.compile(r"ERROR: \w+Sanitizer|runtime error:")
JSON_BODY = {"contentType": "application/json", "contentEncoding": "utf-8"}


def sample(**changes):
    return {"source": "/messages/modules/m/outputs/o", "properties": {"key": "value", "none": None},
            "systemProperties": JSON_BODY, "body": {"temp": 21.5, "list": [1, {"x": "ä"}]}, **changes}


class RoutesTest(unittest.TestCase):
    def setUp(self):
        temp = tempfile.TemporaryDirectory()
        self.addCleanup(temp.cleanup)
        self.dir = temp.name

    def write(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text if isinstance(text, str) else json.dumps(text))
        return path

    def run_test(self, routes, message, *options, stdin=None):
        done = subprocess.run([EDGECTL, *options, "routes", "test", self.write("routes.json", routes),
                               "-" if stdin else self.write("message.json", message)],
                              input=stdin, capture_output=True, text=True, timeout=30, env={})
        self.assertGreaterEqual(done.returncode, 0, "ended by a signal")
        self.assertNotRegex(done.stderr, SANITIZER)
        return done

    def results(self, routes, message):
        done = self.run_test(routes, message, "--json")
        return done.returncode, json.loads(done.stdout)

    def ask(self, condition, message):
        code, rows = self.results({"r": f"FROM /messages/* WHERE {condition} INTO $upstream"}, message)
        self.assertEqual(code, 0, rows)
        return rows[0]["result"]

    def test_each_route_is_told_in_order_whatever_the_others_are(self):
        code, rows = self.results({
            "z": "FROM /messages/* INTO $upstream",
            "none": " ",
            "gone": None,
            "hot": {"route": "FROM /messages/modules/m/* WHERE $body.temp > 20 INTO "
                             "BrokeredEndpoint('modules/a/inputs/in/')", "priority": 0, "timeToLiveSecs": 60},
            "bad": "FROM /messages/* WHERE temp > 100 INTO $upstream",
            "number": 5,
            "late": "FROM /messages/* INTO $upstream\nWHERE x = '1'",
            "cold": "FROM /messages/* WHERE $body.temp < 20 INTO $upstream",
            "other": "FROM /twinChangeNotifications INTO $upstream",
            "a": "FROM /messages/* WHERE nobody = 'x' INTO $upstream",
        }, sample())
        self.assertEqual(code, 1)
        self.assertEqual([(r["route"], r["result"], r["endpoint"]) for r in rows], [
            ("z", "true", "$upstream"), ("hot", "true", "/modules/a/inputs/in"), ("bad", "error", None),
            ("number", "error", None), ("late", "error", None), ("cold", "false", "$upstream"),
            ("other", "false", "$upstream"), ("a", "undefined", "$upstream")])
        errors = {r["route"]: r["error"] for r in rows if r["error"] is not None}
        self.assertEqual(sorted(errors), ["bad", "late", "number"])
        self.assertIn("line 1, column 29 (1:29-1:30): Invalid operands to binary operator '>'", errors["bad"])
        self.assertIn("line 2, column 1 (2:1-2:6)", errors["late"])
        self.assertIn("Malformed route specification", errors["number"])

    def test_properties_and_body_are_what_the_message_says(self):
        for condition, want in (("KEY = 'value'", "true"), ("is_null(none)", "true"),
                                ("$contentEncoding = 'UTF-8'", "false"), ("$body.list[1].x = 'ä'", "true"),
                                ("$body.temp = 21.5", "true"), ("$body.no = null", "true")):
            self.assertEqual(self.ask(condition, sample()), want, condition)
        for body in (None, 5, "text", "{\"temp\": 1}", [1]):
            self.assertEqual(self.ask("is_defined($body.temp)", sample(body=body)), "false", body)
        for change in ({"systemProperties": {}}, {"systemProperties": None},
                       {"systemProperties": {**JSON_BODY, "contentEncoding": None}}):
            self.assertEqual(self.ask("$body.temp = 21.5", sample(**change)), "undefined")
        self.assertEqual(self.ask("true", {"source": "/messages"}), "true")

    def test_table_says_why_a_body_is_undefined(self):
        routes = {"b": "FROM /messages/* WHERE $BODY.temp > 1 INTO $upstream", "p": "FROM /* INTO $upstream"}
        done = self.run_test(routes, sample(systemProperties={}))
        self.assertEqual(done.returncode, 0)
        head, b, p = done.stdout.splitlines()
        self.assertEqual(head.split(), ["ROUTE", "RESULT", "ENDPOINT", "NOTE"])
        self.assertRegex(b, r"^b +undefined +\$upstream +\$body is undefined: .*contentType.*contentEncoding")
        self.assertRegex(p, r"^p +true +\$upstream *$")
        self.assertNotIn("contentType", self.run_test(routes, sample()).stdout)

    def test_message_may_come_from_standard_input(self):
        done = self.run_test({"r": "FROM /* INTO $upstream"}, None, stdin=json.dumps(sample()))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("$upstream", done.stdout)

    def test_documents_that_cannot_be_are_told(self):
        good = {"r": "FROM /* INTO $upstream"}
        for routes, message, word in (
                ("{", sample(), "routes.json"), ([], sample(), "routes.json"), ("", sample(), "routes.json"),
                (good, "nothing", "message.json"), (good, {}, "source"), (good, {"source": 5}, "source"),
                (good, sample(properties=[]), "properties"), (good, sample(properties={"n": 5}), "properties.n"),
                (good, sample(properties={"n": True}), "in quotes"),
                (good, sample(systemProperties={"n": {}}), "systemProperties.n"),
                ({f"r{i}": "FROM /* INTO $upstream" for i in range(257)}, sample(), "More than 256 routes")):
            done = self.run_test(routes, message, "--json")
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn(word, done.stderr)

    def test_wrong_use_is_exit_code_2(self):
        for words in (["routes"], ["routes", "test"], ["routes", "test", "a"], ["routes", "test", "a", "b", "c"],
                      ["routes", "show", "a", "b"], ["routes", "test", "a", "b", "--watch"]):
            done = subprocess.run([EDGECTL, *words], capture_output=True, text=True, timeout=30)
            self.assertEqual(done.returncode, 2, words)
        shown = subprocess.run([EDGECTL, "--help"], capture_output=True, text=True, timeout=30)
        self.assertIn("routes test ROUTES.json MESSAGE.json", shown.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
