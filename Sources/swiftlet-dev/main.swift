import ArgumentParser
import Command

SwiftletCommand.main()
