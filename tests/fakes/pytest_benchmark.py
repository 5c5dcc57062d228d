"""A file as pytest-benchmark 5 writes it, cut down to two benchmarks."""

import copy

FILE = {
    "machine_info": {
        "node": "builder-7",
        "processor": "",
        "machine": "x86_64",
        "python_compiler": "GCC 12.2.0",
        "python_implementation": "CPython",
        "python_version": "3.11.2",
        "system": "Linux",
        "release": "6.1.0-18-amd64",
        "cpu": {"arch": "X86_64", "count": 8, "brand_raw": "AMD EPYC 7763 64-Core Processor"},
    },
    "commit_info": {"id": "3f786850e387550fdab836ed7e6dc881de23001b", "dirty": False},
    "benchmarks": [
        {
            "group": None,
            "name": "test_parse",
            "fullname": "tests/test_speed.py::test_parse",
            "params": None,
            "param": None,
            "extra_info": {},
            "options": {"min_rounds": 5},
            "stats": {"min": 0.9, "max": 1.2, "mean": 1.0, "stddev": 0.1, "rounds": 50,
                      "median": 1.0, "iqr": 0.1, "ops": 1.0, "iterations": 1},
        },
        {
            "group": None,
            "name": "test_dump[10]",
            "fullname": "tests/test_speed.py::test_dump[10]",
            "params": {"size": 10},
            "param": "10",
            "extra_info": {},
            "options": {"min_rounds": 5},
            "stats": {"min": 0.19, "max": 0.3, "mean": 0.21, "stddev": 0.01, "rounds": 200,
                      "median": 0.2, "iqr": 0.01, "ops": 5.0, "iterations": 1},
        },
    ],
    "datetime": "2026-11-01T08:00:00+00:00",
    "version": "5.2.3",
}  # fmt: skip


def file(day=1, factor=1.0, node="builder-7"):
    """The file of another day, its rounds slower by a factor."""
    plain = copy.deepcopy(FILE)
    plain["datetime"] = f"2026-11-{day:02d}T08:00:00+00:00"
    plain["machine_info"]["node"] = node
    for entry in plain["benchmarks"]:
        for key in ("min", "max", "mean", "median"):
            entry["stats"][key] *= factor
    return plain
