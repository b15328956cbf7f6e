import ShipyardModel

extension StoreWriter {
    /// How many starts of a service an agent may sleep through. One that lives hears of each.
    static let keptLives = 1000

    /// Begins a new life of the service and answers it with those that the file knows already. On the disk when
    /// this returns, power cut or not: an agent that hears of the life must be known by it.
    package func beginLife() throws(StoreError) -> StateLives {
        let state = try stateID()
        let earlier = Set(try rows(.lives) { LifeID($0.text(0)) })
        let present = LifeID.random()
        try write("beginLife", durably: true) { () throws(StoreError) in
            try run(.putLife, "beginLife") { $0.bind(1, present.text) }
            try run(.forgetOldLives, "beginLife") { $0.bind(1, Int64(Self.keptLives)) }
        }
        return StateLives(state: state, present: present, earlier: earlier)
    }
}

extension SQL {
    fileprivate static let lives = SQL("SELECT life FROM lives")
    fileprivate static let putLife = SQL("INSERT INTO lives (life) VALUES (?)")
    fileprivate static let forgetOldLives = SQL(
        "DELETE FROM lives WHERE number <= (SELECT max(number) FROM lives) - ?")
}
