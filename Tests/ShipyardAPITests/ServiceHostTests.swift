import Testing

@testable import ShipyardAPI

struct ServiceHostTests {
    /// What a schedule waits for does not keep a service busy.
    @Test func whoStaysIsNeverTooLongIdle() {
        #expect(ServiceHost.Stay.always.idleLimit == nil)
        #expect(ServiceHost.Stay.whileNeeded.idleLimit == .seconds(300))
    }
}
