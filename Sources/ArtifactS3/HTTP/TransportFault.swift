import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Why there is no answer.
package struct TransportFault: Error, Sendable, CustomStringConvertible {
  package enum Kind: Sendable, Hashable {
    /// Refused, reset or closed early.
    case connection
    /// No connection, or no byte, in the time allowed.
    case silence
    /// The host's name has no address.
    case name
    /// The certificate or the handshake.
    case tls
    /// Bytes that are no HTTP.
    case garbage
    /// More than a limit allows.
    case limit
    /// The client is shut down, or the call cannot be made at all.
    case unusable
    case cancelled
  }

  package let kind: Kind
  package let description: String

  package init(_ kind: Kind, _ description: String) {
    self.kind = kind
    self.description = description
  }

  /// What HTTPClient or NIO threw.
  init(_ error: any Error) {
    switch error {
    case let fault as TransportFault: self = fault
    case is CancellationError: self.init(.cancelled, "cancelled")
    case let error as HTTPClientError:
      switch error {
      case .cancelled: self.init(.cancelled, "cancelled")
      case .alreadyShutdown: self.init(.unusable, "the client is shut down")
      case .connectTimeout, .getConnectionFromPoolTimeout: self.init(.silence, "no connection in the time allowed")
      case .readTimeout: self.init(.silence, "silent for longer than allowed")
      case .remoteConnectionClosed: self.init(.connection, "the connection was closed before the end of the answer")
      case .tlsHandshakeTimeout: self.init(.tls, "no TLS handshake in the time allowed; is it an http:// endpoint?")
      case .proxyAuthenticationRequired: self.init(.unusable, "the proxy asks for a name and a password")
      case .invalidURL, .emptyHost, .emptyScheme: self.init(.unusable, "the URL cannot be used")
      default:
        let text = error.shortDescription
        self.init(text.contains("Header") || text.contains("header") ? .unusable : .connection, text)
      }
    case HTTPParserError.invalidEOFState:
      self.init(.connection, "the connection was closed before the end of the answer")
    case let error as HTTPParserError: self.init(.garbage, "an answer that is no HTTP (\(error))")
    case let error as NIOConnectionError:
      let names = [error.dnsAError, error.dnsAAAAError].compactMap { $0 }
      if error.connectionErrors.isEmpty, !names.isEmpty {
        self.init(.name, "the name \(error.host) has no address")
      } else {
        let reasons = Set(error.connectionErrors.map { "\(TransportFault.reason($0.error))" }).sorted()
        let isSilent = !reasons.isEmpty && error.connectionErrors.allSatisfy { TransportFault.isTimeout($0.error) }
        self.init(
          isSilent ? .silence : .connection, reasons.isEmpty ? "no connection" : reasons.joined(separator: ", "))
      }
    case is NIOSSLError, is BoringSSLError, is NIOSSLExtraError: self.init(.tls, TransportFault.handshake(error))
    case is SocketAddressError: self.init(.name, "\(error)")
    default: self.init(.connection, TransportFault.reason(error))
    }
  }

  /// What a failed handshake says, without the library's own way of saying it.
  private static func handshake(_ error: any Error) -> String {
    let text = "\(error)"
    if text.contains("CERTIFICATE_VERIFY_FAILED") || text.contains("unableToValidateCertificate") {
      return "the certificate is not one that is trusted"
    }
    if text.contains("failedToValidateHostname") { return "the certificate is for another name" }
    if text.contains("WRONG_VERSION_NUMBER") { return "the other side does not speak TLS; is it an http:// endpoint?" }
    return text
  }

  private static func isTimeout(_ error: any Error) -> Bool {
    switch error as? ChannelError {
    case .connectTimeout?: true
    default: (error as? IOError)?.errnoCode == ETIMEDOUT
    }
  }

  private static func reason(_ error: any Error) -> String {
    if let error = error as? IOError { return String(cString: strerror(error.errnoCode)).lowercased() }
    if case ChannelError.connectTimeout? = error as? ChannelError { return "no connection in the time allowed" }
    return "\(error)"
  }
}
