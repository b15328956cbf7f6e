import Glibc
import ShipyardModel

/// Why files could not be put in place before a command.
package struct StagingFailure: Error, Sendable, Hashable, CustomStringConvertible {
    package var fault: StagingFault
    /// One sentence without keys or queries of URLs.
    package var message: String

    package init(_ fault: StagingFault, _ message: String) {
        self.fault = fault
        self.message = message
    }

    /// `fault` unless `number` says that the disk is full, which needs other help than the rest.
    init(_ fault: StagingFault, _ what: String, errno number: Int32) {
        self.fault = number == ENOSPC || number == EDQUOT ? .diskFull : fault
        message = "\(what): \(String(cString: strerror(number)))"
    }

    package var description: String { "\(fault.code): \(message)" }
}
