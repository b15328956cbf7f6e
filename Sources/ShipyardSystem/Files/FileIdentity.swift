import Glibc
import ShipyardModel

/// A file or directory as the kernel knows it, whatever its name. A copy, journal and all, is another one.
package struct FileIdentity: Hashable, Sendable {
    private let device: UInt64
    private let inode: UInt64

    package init(_ information: stat) {
        device = UInt64(information.st_dev)
        inode = UInt64(information.st_ino)
    }

    /// Nil when there is none.
    package init?(at path: String) {
        var information = stat()
        guard stat(path, &information) == 0 else { return nil }
        self.init(information)
    }

    package init?(of descriptor: Int32) {
        var information = stat()
        guard fstat(descriptor, &information) == 0 else { return nil }
        self.init(information)
    }

    /// Of a node's root. Nil where there is no directory; what a link leads to is not asked.
    package init?(ofRoot root: BytePath) {
        var information = stat()
        guard root.withCString({ lstat($0, &information) }) == 0, information.st_mode & S_IFMT == S_IFDIR
        else { return nil }
        self.init(information)
    }

    /// As a part of a name.
    package var text: String { "\(String(device, radix: 16))-\(String(inode, radix: 16))" }
}
