extension ExactJSON {
    /// What a JSON Merge Patch (RFC 7396) makes of it: members of objects are set one by one, null takes one away, and
    /// whatever else stands in a patch takes the place of what was there, lists as a whole among it.
    package func merged(with patch: ExactJSON) -> ExactJSON {
        guard case .object(let changes) = patch else { return patch }
        var members: [Member?] = []
        if case .object(let present) = self { members = present }
        // Bytes: to `String` two spellings of an accent are one name, to JSON they are two.
        var places: [[UInt8]: Int] = [:]
        for (place, member) in members.enumerated() {
            if let member { places[Array(member.name.utf8)] = place }
        }
        for change in changes {
            let name = Array(change.name.utf8)
            let place = places[name]
            if change.value.isNull {
                // No object has a name twice, so nothing of this patch comes to the place again.
                if let place { members[place] = nil }
                continue
            }
            let present = place.flatMap { members[$0]?.value } ?? .null
            let member = Member(change.name, present.merged(with: change.value))
            if let place {
                members[place] = member
            } else {
                places[name] = members.count
                members.append(member)
            }
        }
        return .object(members.compactMap(\.self))
    }
}
