import Glibc
import ShipyardFileStore
import ShipyardModel

/// Why files could not be put in place before a command.
package struct StagingFailure: Error, Sendable, Hashable, CustomStringConvertible {
    package var fault: StagingFault
    /// One sentence without keys or queries of URLs.
    package var message: String
    /// Of data, which is retried as a command that fails.
    package var isInput = false

    package init(_ fault: StagingFault, _ message: String) {
        self.fault = fault
        self.message = message
    }

    /// `fault` unless `number` says that the disk is full, which needs other help than the rest.
    init(_ fault: StagingFault, _ what: String, errno number: Int32) {
        self.fault = number == ENOSPC || number == EDQUOT ? .diskFull : fault
        message = "\(what): \(String(cString: strerror(number)))"
    }

    init(input error: FileStoreError) {
        self.init(StagingFault(error), error.description)
        // A local file's error has its number in words alone.
        if error.code == .localFile, error.message.contains(String(cString: strerror(ENOSPC))) {
            fault = .diskFull
        }
        isInput = true
    }

    package var description: String { "\(fault.code): \(message)" }
}
