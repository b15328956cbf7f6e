import Testing
@testable import ShipyardSubmission
