import ShipyardDiagnostics
import ShipyardModel
import ShipyardSpecs

/// The files that a schedules file names, for checks across files.
struct ScheduleFiles {
    private let sources: [SpecSource]

    init(_ sources: [SpecSource]) { self.sources = sources }

    func findings(_ schedules: SchedulesSpec, _ specs: SpecSet) -> Diagnostics {
        let hasCredentials = sources.contains { $0.kind == .credentials }
        return ScheduleUses.check(schedules, credentials: hasCredentials ? specs.credentials : nil) { name in
            guard let name else {
                return sources.last { $0.kind == .jobs }.map { .text($0.text) } ?? .notGiven
            }
            return read(name)
        }
    }

    private func read(_ name: String) -> ScheduleUses.JobsFile {
        let path = name.hasPrefix("/") ? name : directory + name
        do throws(SystemError) {
            let bytes = try LocalFile.read(path, atMost: SpecLimits.fileBytes + 1)
            return .text(SourceText(name: path, bytes: bytes))
        } catch {
            return .unreadable(error.reason)
        }
    }

    /// With its slash, as it was written; nothing for the current one and for standard input.
    private var directory: String {
        let file = sources.last { $0.kind == .schedules }?.text.name ?? ""
        return file.lastIndex(of: "/").map { String(file[...$0]) } ?? ""
    }
}
