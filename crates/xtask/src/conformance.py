"""Runs one test of the Eclipse suites for MQTT, or lists the tests of one.

    conformance.py SUITE_FOLDER MODULE HOST PORT TEST|--list

The suites' own command lines don't work any more, so a module is imported, told its broker, and one test is run.
"""

import importlib
import os
import sys
import unittest

folder, module_name, host, port, test = sys.argv[1:]
sys.path.insert(0, os.path.join(folder, "interoperability"))
# The suites read their own command line when they are imported.
sys.argv = sys.argv[:1]
module = importlib.import_module(module_name)

prefix = "client_test5/" if module_name == "client_test5" else ""
module.topic_prefix = prefix
module.host, module.port = host, int(port)
module.topics = tuple(prefix + topic for topic in ("TopicA", "TopicA/B", "Topic/C", "TopicA/C", "/TopicA"))
module.wildtopics = tuple(
    prefix + topic for topic in ("TopicA/+", "+/C", "#", "/#", "/+", "+/+", "TopicA/#")
)
module.nosubscribe_topics = ("test/nosubscribe",)

if test == "--list":
    print("\n".join(unittest.TestLoader().getTestCaseNames(module.Test)))
    sys.exit()

tests = unittest.TestLoader().loadTestsFromName("Test." + test, module)
result = unittest.TextTestRunner(verbosity=0).run(tests)
sys.stdout.flush()
# A test that failed may leave threads behind that never end.
os._exit(0 if result.wasSuccessful() else 1)
