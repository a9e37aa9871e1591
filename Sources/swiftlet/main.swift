import ArgumentParser
import Command
import ServeCommand

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

if let status = ServeProgram.part(CommandLine.arguments) { exit(status) }
SwiftletCommand.main()
