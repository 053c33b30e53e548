# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
# devices of the machine profile, and nodes that are not there
$MKTRACE "$G/dma/trace.txt" dma.mmt
cat > m.json <<'END'
{
  "name": "with-devices", "description": "two devices", "source": "no real machine", "geometry": "x86-64",
  "topology": { "source": "no real machine", "nodes": [{ "memory": "8G", "cpus": 1 }, { "memory": "8G", "cpus": 1 }] },
  "tlb": {
    "l1_data": [{ "pages": ["4K", "2M", "1G"], "entries": 64, "ways": 4, "source": "no real machine" }],
    "l1_instruction": [{ "pages": ["4K", "2M", "1G"], "entries": 64, "ways": 4, "source": "no real machine" }],
    "l2": [{ "pages": ["4K", "2M"], "entries": 512, "ways": 4, "source": "no real machine" }]
  },
  "walk_caches": [],
  "asids": { "kind": "none", "number": 0, "source": "no real machine" },
  "devices": [
    { "id": 2, "name": "isa", "mask_bits": 24, "source": "no real machine" },
    { "id": 1, "name": "nvme0", "mask_bits": 64, "node": 1, "source": "no real machine" }
  ],
  "cycles": {
    "l2_tlb_hit": { "value": 7, "source": "no real machine" },
    "walk_reference": { "value": 14, "source": "no real machine" }
  }
}
END
$M run -q -m ./m.json -s machine.topology=profile -s memory.cma=32M dma.mmt -o r.json
# in order of their numbers; the area of CMA is out of reach of the device that wants 8 MiB
python3 -c 'import json; [print(*list(d.values())[:12], d["coherent_from_cma"]) for d in json.load(open("r.json"))["dma"]["devices"]]'
$M run -q -m ./m.json -s machine.nodes=1 dma.mmt; echo $?
$M run -q -s dma.node=1 dma.mmt; echo $?
$M run -q -s dma.mask_bits=65 dma.mmt; echo $?
