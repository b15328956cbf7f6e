import ShipyardModel
import Testing

/// What fits on a node, by the one rule that the service and the node share.
struct ResourcesTests {
    private let node = Resources(
        slots: 4, milliCPUs: 2000, memoryBytes: 1000,
        others: [.init("gpu", 3, identities: 0b1011), .init("licence", 2)])

    @Test(arguments: [
        (Resources(slots: 4), true), (Resources(slots: 5), false), (.none, true),
        (Resources(milliCPUs: 2000), true), (Resources(milliCPUs: 2001), false),
        (Resources(memoryBytes: 1000), true), (Resources(memoryBytes: 1001), false),
        (Resources(others: [.init("gpu", 3)]), true), (Resources(others: [.init("gpu", 4)]), false),
        (Resources(others: [.init("gpu", 1), .init("licence", 3)]), false),
        (Resources(others: [.init("fpga", 1)]), false), (Resources(others: [.init("fpga", 0)]), true),
        (Resources(slots: 4, milliCPUs: 2000, memoryBytes: 1000, others: [.init("licence", 2)]), true),
    ])
    func nothingBeyondWhatThereIsFits(_ need: Resources, fits: Bool) {
        #expect(ResourceStock(node).fits(need) == fits)
        #expect(need.isWithin(node) == fits)
        // Whatever it is, half of a node that is full is too much, and the whole of an empty one is not.
        var full = ResourceStock(node)
        let held = full.take(node)
        #expect(full.fits(need) == (need == .none || need == Resources(others: [.init("fpga", 0)])))
        #expect(need.isWithin(full.capacity) == fits)
        full.give(held)
        #expect(full == ResourceStock(node))
        #expect(full.fits(need.capped(to: node)))
    }

    /// Only slots are lent beyond what there is.
    @Test func onlySlotsAreGivenAhead() {
        var stock = ResourceStock(node)
        stock.take(Resources(slots: 4, others: [.init("licence", 2)]))
        #expect(stock.fits(Resources(slots: 2), slotsAhead: 2))
        #expect(!stock.fits(Resources(slots: 3), slotsAhead: 2))
        #expect(!stock.fits(Resources(slots: 1, others: [.init("licence", 1)]), slotsAhead: 2))
        #expect(stock.freeSlots == 0)
    }

    /// Things that are told apart are held by one at a time.
    @Test func identitiesAreHeldOnce() {
        var stock = ResourceStock(node)
        let first = stock.take(Resources(others: [.init("gpu", 2)]))
        let second = stock.take(Resources(others: [.init("gpu", 1)]))
        #expect(first.others.map(\.identities) == [0b0011])
        #expect(second.others.map(\.identities) == [0b1000])
        #expect(!stock.fits(Resources(others: [.init("gpu", 1)])))
        stock.give(first)
        #expect(stock.take(Resources(others: [.init("gpu", 1)])).others.map(\.identities) == [0b0001])
        #expect(stock.take(Resources(others: [.init("licence", 1)])).others.map(\.identities) == [0])
        stock.give(second)
        #expect(stock.fits(Resources(others: [.init("gpu", 2)])))
    }
}
