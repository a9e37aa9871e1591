import ServeCommand

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

exit(ServeProgram.part(CommandLine.arguments) ?? ServeProgram.serve(Array(CommandLine.arguments.dropFirst())))
