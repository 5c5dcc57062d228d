import html
import textwrap

import pytest

from gpubench.errors import UnreadableInput
from tests.env.readers.smi import output, snapshot_of

XML = output("h100x8_qx.xml")

LAUGHS = "\n".join(
    ['<?xml version="1.0"?>', "<!DOCTYPE nvidia_smi_log [", '<!ENTITY a "ha">']
    + [f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(12)]
    + ["]>", "<nvidia_smi_log>", "<driver_version>&m;</driver_version>", "</nvidia_smi_log>"]
)
OUTSIDE = (
    '<?xml version="1.0"?>\n'
    '<!DOCTYPE nvidia_smi_log [ <!ENTITY x SYSTEM "file:///etc/hostname"> ]>\n'
    "<nvidia_smi_log><driver_version>&x;</driver_version></nvidia_smi_log>"
)


@pytest.mark.parametrize("bomb", [LAUGHS, OUTSIDE], ids=["laughs", "outside"])
def test_a_document_that_declares_entities_is_not_understood(bomb):
    with pytest.raises(UnreadableInput):
        snapshot_of(bomb)


def test_an_entity_that_nobody_declared_is_text():
    text = "<nvidia_smi_log>\n<driver_version>535.1&x;</driver_version>\n</nvidia_smi_log>"
    assert snapshot_of(text).driver.version == "535.1&x;"


def test_the_document_type_is_tolerated_and_fetched_by_nobody():
    assert "nvsmi_device_v12.dtd" in XML
    assert len(snapshot_of(XML).gpus) == 8


def test_elements_within_elements_have_an_end():
    text = "<nvidia_smi_log>" + "<gpu>" * 50 + "</gpu>" * 50 + "</nvidia_smi_log>"
    with pytest.raises(UnreadableInput):
        snapshot_of(text)


def test_a_document_that_breaks_off_gives_what_came_before():
    whole = snapshot_of(XML)
    cut = snapshot_of(XML[: XML.index("<ecc_mode>", XML.index('id="00000000:3A'))])
    assert cut.gpus[:2] == whole.gpus[:2]
    assert len(cut.gpus) == 3
    assert cut.gpus[2].name == "NVIDIA H100 80GB HBM3"
    assert cut.gpus[2].ecc_enabled is None
    assert cut.paste.is_cut


@pytest.mark.parametrize("length", range(120, 9000, 331))
def test_a_document_may_break_off_anywhere(length):
    text = f"{XML[:length]}\nNVIDIA-SMI 550.90.07 Driver Version: 550.90.07"
    assert snapshot_of(text).driver.version == "550.90.07"


PASTED = {
    "fenced": f"see:\n```xml\n{XML}```\nthanks",
    "quoted": textwrap.indent(XML, "> ", lambda line: True),
    "without indentation": "\n".join(line.strip() for line in XML.splitlines()),
    "escaped": "\n".join(html.escape(line, quote=False) for line in XML.splitlines()),
    "without its head": XML[XML.index("<nvidia_smi_log>") :],
    "twice": XML + XML,
}


@pytest.mark.parametrize("pasted", PASTED.values(), ids=PASTED.keys())
def test_a_document_survives_pasting(pasted):
    assert snapshot_of(pasted).gpus == snapshot_of(XML).gpus


def test_a_traceback_below_a_cut_document_is_still_read():
    cut = XML[: XML.index("<ecc_mode>")]
    snapshot = snapshot_of(f"{cut}\n\n\n\nRuntimeError: CUDA error: no kernel image is available\n")
    assert any("no kernel image" in line for line in snapshot.paste.said)


def test_text_that_is_no_markup_may_stand_in_a_value():
    text = XML.replace("/usr/bin/python3", "/opt/a&b/run")
    assert snapshot_of(text).gpus == snapshot_of(XML).gpus
