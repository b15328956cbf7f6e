"""All families of attacks, by name."""

from families.clock import Clock
from families.deletion import Deletion
from families.disk import Disk
from families.homes import Homes
from families.kills import Kills
from families.launches import Binary, Poison
from families.limits import Limits
from families.orphans import Orphans
from families.pools import Pools, Resizes
from families.quiet import Quiet
from families.removals import Removals
from families.renewals import Renewals
from families.specs import Specs
from families.stopping import Stopping
from families.stops import Silent, Stops

MIXED = [Kills, Stops, Removals, Clock, Disk, Orphans, Binary, Resizes]
ALONE = [Quiet, Deletion, Homes, Poison, Limits, Pools, Renewals, Silent, Specs, Stopping]
ALL = {family.name: family for family in MIXED + ALONE}
