# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
# topologies out of hwloc's XML
cat >nodes.py <<'END'
import json, sys
c = json.load(sys.stdin)['config']
print(c['topology_source'], c['settings']['machine'])
print([(n['cpus'], n['memory_bytes'] >> 20) for n in c['topology']['nodes']], c['topology']['distances'])
END
for f in two-nodes two-tiers; do
	$M run -q --check -m "$G/../machines/$f.xml" "$T/runs.mmt" | python3 nodes.py
done
# the TLBs are those of the profile that is named, in any order
$M run -q -m amd-zen4 -m "$G/../machines/two-nodes.xml" "$T/runs.mmt" | python3 nodes.py
$M run -q -m "$G/../machines/two-nodes.xml" -m test "$T/runs.mmt" | python3 nodes.py
$M run -q -m "$G/../machines/two-nodes.xml" -s machine.cpus=2 "$T/runs.mmt" | python3 nodes.py
# not for this profile
sed 's/"Backend" value="Synthetic"/"Architecture" value="x86_64"/' "$G/../machines/two-nodes.xml" >x86.xml
$M run -q -m x86-32 -m x86.xml "$T/runs.mmt"; echo $?
sed 's/size="4096"/size="65536"/' "$G/../machines/two-nodes.xml" >64k.xml
$M run -q -m 64k.xml "$T/runs.mmt"; echo $?
sed 's/"Backend" value="Synthetic"/"Architecture" value="aarch64"/' "$G/../machines/two-nodes.xml" >arm.xml
$M run -q -m arm.xml "$T/runs.mmt"; echo $?
# no export
echo '{}' >json.xml
echo '<html></html>' >html.xml
head -c 900 "$G/../machines/two-nodes.xml" >cut.xml
sed 's/os_index="1"/os_index="4294967295"/' "$G/../machines/two-nodes.xml" >index.xml
for f in json html cut index nowhere; do
	$M run -q -m $f.xml "$T/runs.mmt"; echo $?
done
