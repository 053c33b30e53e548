# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
# a job from standard input, straight into a replay; the same bytes each time, other ones with another seed
cat >job.ini <<'END'
[region r]
size = 1M
[job j]
region = r
pattern = uniform
rw = mixed
accesses = 16K
word = 512
END
$M gen - <job.ini | $M run -q - | jq .trace.accesses,.vmstat.pgfault
$M gen job.ini >a.mmt
$M gen job.ini -o b.mmt
$M gen job.ini --seed=2 -o c.mmt
cmp a.mmt b.mmt && echo same
cmp -s a.mmt c.mmt || echo other
$M gen job.ini --dry-run -o full.ini
$M gen full.ini -o d.mmt
cmp a.mmt d.mmt && echo same
$M gen job.ini --dry-run | grep -c =
