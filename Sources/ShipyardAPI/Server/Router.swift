import ShipyardHTTPClient
import ShipyardModel

/// Finds the handler of a request by its method and path.
package struct Router: Sendable {
    package typealias Handler = @Sendable (HTTPRequest) -> HTTPReply

    private struct Route: Sendable {
        var method: HTTPMethod
        var pattern: [Part]
        var handler: Handler
    }

    private enum Part: Sendable {
        case word(String)
        case name(String)
        /// The rest of the path, one segment or more, joined by slashes.
        case rest(String)
    }

    private var routes: [Route] = []

    package init() {}

    /// Adds a route; where two fit, the first one added counts.
    ///
    /// - Parameter pattern: `/jobs/{job}/tasks/{task}`; a last part `{path...}` takes all that follows. What
    ///   stands for the names is found in `HTTPRequest.parameters`.
    package mutating func on(_ method: HTTPMethod, _ pattern: String, _ handler: @escaping Handler) {
        let parts = pattern.split(separator: "/").map { part -> Part in
            guard part.hasPrefix("{"), part.hasSuffix("}") else { return .word(String(part)) }
            let name = part.dropFirst().dropLast()
            return name.hasSuffix("...") ? .rest(String(name.dropLast(3))) : .name(String(name))
        }
        routes.append(Route(method: method, pattern: parts, handler: handler))
    }

    package func reply(to request: HTTPRequest) -> HTTPReply {
        // HEAD is GET whose body the server leaves out.
        let method = request.method == .head ? .get : request.method
        var allowed: [String] = []
        for route in routes {
            guard let (parameters, rest) = match(route.pattern, request.segments) else { continue }
            guard route.method == method else {
                allowed.append(route.method.rawValue)
                continue
            }
            var request = request
            request.parameters = parameters
            request.rest = rest
            return route.handler(request)
        }
        return allowed.isEmpty ? notFound(request) : notAllowed(request, allowed)
    }

    /// A name that is no UTF-8 is nothing's but a file's.
    private func match(
        _ pattern: [Part], _ segments: [BytePath]
    ) -> (parameters: [String: String], rest: BytePath)? {
        var parameters: [String: String] = [:]
        for (position, part) in pattern.enumerated() {
            guard position < segments.count else { return nil }
            switch part {
            case .word(let word):
                guard segments[position] == BytePath(word) else { return nil }
            case .name(let name):
                guard let text = String(validating: segments[position].bytes, as: UTF8.self) else {
                    return nil
                }
                parameters[name] = text
            case .rest(let name):
                let slash = [UInt8(ascii: "/")]
                let rest = BytePath(bytes: segments[position...].map(\.bytes).joined(separator: slash))
                parameters[name] = rest.shown
                return (parameters, rest)
            }
        }
        return pattern.count == segments.count ? (parameters, BytePath("")) : nil
    }

    private func notFound(_ request: HTTPRequest) -> HTTPReply {
        .error(404, "ResourceNotFound", "nothing is served under \(request.path)")
    }

    private func notAllowed(_ request: HTTPRequest, _ allowed: [String]) -> HTTPReply {
        let list = allowed.joined(separator: ", ")
        var reply = HTTPReply.error(
            405, "MethodNotAllowed", "\(request.path) takes \(list), not \(request.method.rawValue)")
        reply.headers.append(HTTPHeader("Allow", list))
        return reply
    }
}
