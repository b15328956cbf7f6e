import ShipyardModel
import ShipyardSystem

/// The one question that is asked before any HTTP: does somebody listen?
enum UnixSocket {
    static func accepts(_ path: String) -> Bool {
        guard let slash = path.lastIndex(of: "/") else { return false }
        do throws(SystemError) {
            _ = try LocalSocket.connect(
                name: String(path[path.index(after: slash)...]), in: String(path[..<slash]))
            return true
        } catch {
            return false
        }
    }
}
