import Glibc
import ShipyardCommands

exit(Program.run(Array(CommandLine.arguments.dropFirst())))
