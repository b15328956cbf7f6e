import ShipyardStaging
import ShipyardSubmission

extension APIRoutes {
    func addPackages(to router: inout Router) {
        on(.get, "/packages/{sha256}", in: &router) { request throws(APIFailure) in
            let digest = request.parameters["sha256"] ?? ""
            guard submissions.hasPackage(digest) else {
                throw APIFailure(404, "PackageNotFound", "there is no package of the hash `\(digest)`")
            }
            return HTTPReply(status: 204)
        }
        on(.put, "/packages/{sha256}", in: &router) { request throws(APIFailure) in
            let piece = PackagePiece(
                digest: request.parameters["sha256"] ?? "", name: request.queryValue("name") ?? "",
                offset: try number("offset", atLeast: 0, in: request) ?? 0,
                size: try number("size", atLeast: 0, in: request) ?? Int64(request.body.count),
                bytes: request.body)
            do throws(SubmissionError) {
                return HTTPReply(status: try submissions.addPackage(piece) ? 201 : 202)
            } catch {
                throw APIFailure(error)
            }
        }
    }
}
