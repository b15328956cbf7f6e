import Glibc

/// Which directory a node's root is, in the kernel's word. A copy of it, journal and all, is another one.
package struct RootIdentity: Sendable, Hashable {
    private let device: UInt64
    private let inode: UInt64

    /// Nil where there is no directory; what a link leads to is not asked.
    package init?(of root: String) { self.init(of: FileName(root)) }

    init?(of root: FileName) {
        var status = stat()
        guard root.withCString({ lstat($0, &status) }) == 0, status.st_mode & S_IFMT == S_IFDIR else { return nil }
        (device, inode) = (UInt64(status.st_dev), UInt64(status.st_ino))
    }

    /// As a part of a name.
    var text: String { "\(String(device, radix: 16))-\(String(inode, radix: 16))" }
}
