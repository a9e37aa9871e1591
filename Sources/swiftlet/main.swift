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
// In the container one file is both programs: SageMaker calls it `serve`, by a link.
if CommandLine.arguments.first?.split(separator: "/").last == "serve" {
  exit(ServeProgram.serve(Array(CommandLine.arguments.dropFirst())))
}
SwiftletCommand.main()
