extension DiagnosticCode {
    /// The page under `docs/errors` as it is printed by `shipyard-swift explain`; nil only while a page is
    /// still to be written, which the tests refuse.
    package var page: String? { ErrorPages.all[rawValue] }

    /// One line that says what the code stands for: the page's heading without the code.
    package var title: String {
        guard let heading = page?.split(separator: "\n").first, let colon = heading.firstIndex(of: ":") else {
            return rawValue
        }
        return String(heading[heading.index(after: colon)...].drop { $0 == " " })
    }
}
