// swift-tools-version: 6.1
import PackageDescription

// Who may import whom, and why, is told in ARCHITECTURE.md. Arrows point down only: a target may
// depend on targets above it in this file. No Swift package may ever be added here.

/// A target of ours, in Swift 6 mode.
func target(_ name: String, _ dependencies: [String]) -> Target {
    .target(name: name, dependencies: dependencies.map { .init(stringLiteral: $0) })
}

func tests(_ name: String, _ dependencies: [String], resources: [Resource] = [.copy("Cases")]) -> Target {
    .testTarget(
        name: name, dependencies: dependencies.map { .init(stringLiteral: $0) }, resources: resources)
}

let package = Package(
    name: "shipyard-swift",
    products: [.executable(name: "shipyard-swift", targets: ["shipyard-swift"])],
    targets: [
        // C libraries of the distribution. Most have no `pkgConfig`: their
        // shims load them on first use, because linking them would double the program's start (docs/adr).
        .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        .systemLibrary(name: "CArchive", providers: [.apt(["libarchive-dev"])]),
        .systemLibrary(name: "CMicroHTTPD", providers: [.apt(["libmicrohttpd-dev"])]),
        .systemLibrary(name: "CCurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(name: "CExpat", providers: [.apt(["libexpat1-dev"])]),
        .systemLibrary(name: "CCrypto", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CZstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(name: "CSodium", providers: [.apt(["libsodium-dev"])]),
        .systemLibrary(name: "CPQ", providers: [.apt(["libpq-dev"])]),
        .target(name: "CLinux"),

        target("ShipyardModel", []),
        target("ShipyardSystem", ["ShipyardModel", "CLinux"]),
        target("ShipyardMetadata", ["ShipyardModel"]),
        target("ShipyardVault", ["ShipyardModel", "ShipyardSystem", "CSodium"]),
        target("ShipyardDiagnostics", ["ShipyardModel"]),
        target("ShipyardCalendar", ["ShipyardModel", "ShipyardDiagnostics"]),
        target("ShipyardSpecs", ["ShipyardModel", "ShipyardDiagnostics", "ShipyardCalendar", "CYAML"]),
        target("ShipyardPlanner", ["ShipyardModel", "ShipyardDiagnostics", "ShipyardSpecs"]),
        target("ShipyardEngine", ["ShipyardModel", "ShipyardCalendar", "ShipyardPlanner"]),
        target("ShipyardStore", ["ShipyardModel", "ShipyardMetadata", "ShipyardPlanner", "CSQLite"]),
        target("ShipyardNode", ["ShipyardModel", "ShipyardSystem", "CLinux"]),
        target("ShipyardHTTPClient", ["ShipyardModel", "ShipyardSystem", "CCurl"]),
        target(
            "ShipyardFileStore",
            ["ShipyardModel", "ShipyardSystem", "ShipyardHTTPClient", "CLinux", "CExpat", "CCrypto", "CZstd"]),
        target(
            "ShipyardTables", ["ShipyardModel", "ShipyardSystem", "ShipyardFileStore", "CSQLite", "CPQ"]),
        target(
            "ShipyardStaging",
            [
                "ShipyardModel", "ShipyardSpecs", "ShipyardPlanner", "ShipyardSystem", "ShipyardHTTPClient",
                "ShipyardFileStore", "ShipyardTables", "CArchive",
            ]),
        target(
            "ShipyardService",
            [
                "ShipyardModel", "ShipyardCalendar", "ShipyardSpecs", "ShipyardPlanner", "ShipyardEngine",
                "ShipyardStore", "ShipyardSystem", "ShipyardNode", "ShipyardStaging",
                "ShipyardFileStore", "ShipyardMetadata", "ShipyardVault",
            ]),
        target(
            "ShipyardSubmission",
            [
                "ShipyardModel", "ShipyardDiagnostics", "ShipyardCalendar", "ShipyardSpecs",
                "ShipyardPlanner",
                "ShipyardEngine", "ShipyardStore", "ShipyardSystem", "ShipyardStaging", "ShipyardService",
                "ShipyardFileStore",
            ]),
        target(
            "ShipyardAPI",
            [
                "ShipyardModel", "ShipyardDiagnostics", "ShipyardSpecs", "ShipyardPlanner", "ShipyardEngine",
                "ShipyardStore", "ShipyardSystem", "ShipyardNode", "ShipyardStaging", "ShipyardService",
                "ShipyardSubmission", "ShipyardHTTPClient", "ShipyardMetadata", "CMicroHTTPD",
            ]),
        target(
            "ShipyardCommands",
            [
                "ShipyardModel", "ShipyardDiagnostics", "ShipyardSpecs", "ShipyardPlanner", "ShipyardEngine",
                "ShipyardStore", "ShipyardSystem", "ShipyardNode", "ShipyardHTTPClient", "ShipyardStaging",
                "ShipyardService", "ShipyardSubmission", "ShipyardAPI", "ShipyardCalendar",
                "ShipyardFileStore", "ShipyardMetadata", "ShipyardTables", "ShipyardVault",
            ]),
        .executableTarget(name: "shipyard-swift", dependencies: ["ShipyardCommands"]),

        // What several suites of tests share.
        .target(name: "TestSupport", path: "Tests/TestSupport"),
        tests("ShipyardModelTests", ["ShipyardModel"], resources: []),
        tests("ShipyardMetadataTests", ["ShipyardMetadata", "ShipyardModel"], resources: []),
        tests("ShipyardVaultTests", ["ShipyardVault", "TestSupport"], resources: []),
        tests("ShipyardCalendarTests", ["ShipyardCalendar", "TestSupport"]),
        tests("ShipyardSpecsTests", ["ShipyardSpecs", "TestSupport"]),
        tests("ShipyardPlannerTests", ["ShipyardPlanner", "TestSupport"]),
        tests("ShipyardEngineTests", ["ShipyardEngine", "TestSupport"], resources: []),
        tests("ShipyardStoreTests", ["ShipyardStore", "ShipyardMetadata"], resources: []),
        tests("ShipyardNodeTests", ["ShipyardSystem", "ShipyardNode", "TestSupport"], resources: []),
        tests("ShipyardHTTPClientTests", ["ShipyardHTTPClient", "TestSupport"], resources: []),
        tests("ShipyardFileStoreTests", ["ShipyardFileStore", "TestSupport"], resources: []),
        tests("ShipyardTablesTests", ["ShipyardTables", "TestSupport"], resources: []),
        tests("ShipyardStagingTests", ["ShipyardStaging", "TestSupport"], resources: []),
        tests("ShipyardAPITests", ["ShipyardAPI", "ShipyardHTTPClient", "TestSupport"], resources: []),
        tests("ShipyardServiceTests", ["ShipyardService", "TestSupport"], resources: []),
        tests("ShipyardSubmissionTests", ["ShipyardSubmission", "TestSupport"], resources: []),
        tests(
            "ShipyardCommandsTests", ["ShipyardCommands", "ShipyardAPI", "ShipyardSubmission"], resources: []),
        tests("EndToEndTests", ["ShipyardModel", "ShipyardNode", "TestSupport"]),
    ],
    swiftLanguageModes: [.v6]
)
