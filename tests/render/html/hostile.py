"""Records whose every name tries to get out of the page: as markup, script, style or link."""

import dataclasses

from tests.fakes.machines import gpu_record

PAYLOADS = (
    '<img src="x" onerror="window.owned=1">',
    "</script><script>window.owned=1</script>",
    "</style><style>*{display:none}</style>",
    "</title><script src=https://evil.example/x.js></script>",
    "<svg onload=window.owned=1>",
    '"><svg/onload=window.owned=1><a b="',
    "' onmouseover='window.owned=1' style='background:url(https://evil.example/i)",
    "</text></svg><foreignObject><iframe src=javascript:window.owned=1></iframe>",
    "<a href='javascript:window.owned=1'>x</a>",
    "<link rel=stylesheet href=//evil.example/s.css><base href=//evil.example/>",
    "<meta http-equiv=refresh content='0;url=https://evil.example/'>",
    "--></dl></table></main>",
    "{{ 7 * 191 }}{% include 'x' %}",
    "&lt;script&gt;&#60;b&#62;",
    "\x00\x1b[31m\x9b\u202egnp.exe\u2028\ufeff 模型 \\ `",
)
NAME = " ".join(PAYLOADS)


def hostile_record(name=NAME):
    """A record of a GPU with telemetry that bears the name wherever a record has a text."""
    made = gpu_record(
        name,
        suites=(name,),
        modes=("fp32", "amp-bf16", "amp-fp16", "tf32", name),
        trouble={"amp-fp16": ("unstable", name), "tf32": ("failed", name)},
        source=f"/tmp/{name}/record.jsonl",
    )
    header = dataclasses.replace(
        made.header,
        created=name,
        image=name,
        environment=name,
        gpubench_version=name,
        snapshot={
            "schema": "gpubench.snapshot/1",
            "source": "live",
            "host": {"system": name, "kernel": name, "cpu_model": name},
            "gpus": [{"index": 0, "name": name}],
        },
    )
    facts = {
        subject: dataclasses.replace(
            found,
            settings={**found.settings, "model": name, "item": name, "data": name},
            device={**found.device, "torch": name},
        )
        for subject, found in made.workloads.items()
    }
    measured = tuple(
        dataclasses.replace(m, telemetry={**m.telemetry, "throttled": {name: 0.5}})
        if m.telemetry
        else m
        for m in made.measurements
    )
    return dataclasses.replace(
        made,
        header=header,
        workloads=facts,
        measurements=measured,
        lines=(*facts.values(), *measured, *made.parities.values()),
    )
