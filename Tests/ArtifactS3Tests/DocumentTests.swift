import ArtifactS3
import S3Documents
import Testing

@Suite struct DocumentTests {
  static let listing = """
    <?xml version="1.0" encoding="UTF-8"?>
    <!-- a comment -->
    <ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><EncodingType>url</EncodingType>
    <Contents><Key>a+b%2Fc%C3%A9%2B</Key><LastModified>2026-01-02T03:04:05.678Z</LastModified>
    <ETag>&quot;abc&quot;</ETag><Size>12</Size><Owner><ID>x</ID></Owner></Contents>
    <s3:Contents><Key><![CDATA[<raw>]]></Key><Size>0</Size><ETag/></s3:Contents>
    <CommonPrefixes><Prefix>folder/</Prefix></CommonPrefixes>
    <IsTruncated>true</IsTruncated><NextContinuationToken>t&amp;&#x6F;&#107;</NextContinuationToken>
    </ListBucketResult>
    """

  @Test func listingIsRead() throws {
    let document = try S3ListingDocument(Array(Self.listing.utf8))
    #expect(document.entries.map(\.key) == ["a b/cé+", "<raw>"])
    #expect(document.entries.map(\.size) == [12, 0])
    #expect(document.entries[0].etag == "abc")
    #expect(document.entries[0].modified == 1_767_323_045_678)
    #expect(document.prefixes == ["folder/"])
    #expect(document.isTruncated)
    #expect(document.nextToken == "t&ok")
  }

  @Test func keysStayWhereTheAnswerDoesNotSayThatTheyAreEncoded() throws {
    let text = "<ListBucketResult><Contents><Key>a+b%20</Key><Size>1</Size></Contents></ListBucketResult>"
    #expect(try S3ListingDocument(Array(text.utf8)).entries.map(\.key) == ["a+b%20"])
  }

  @Test func listingThatEndsEarlyIsRefusedAtEveryByte() {
    let bytes = Array(Self.listing.utf8)
    for count in 0..<bytes.count - 1 {
      #expect(throws: XMLError.self) { try S3ListingDocument(Array(bytes[..<count])) }
    }
  }

  @Test(arguments: [
    "", "text", "<a>", "<a></b>", "<a/><b/>", "<a>&unknown;</a>", "<a>&#xD800;</a>", "<a>&#0;</a>", "<a b></a>",
    "<a b=c></a>", "<a b=\"c></a>", "<a>&amp</a>", "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>", "<a><!ELEMENT b></a>",
    "<a>\u{0}<</a>", "</a>", "<a/>text", "< a/>", "<a//>", "<![CDATA[x]]><a/>",
  ]) func whatIsNoXMLIsRefused(_ text: String) {
    #expect(throws: XMLError.self) {
      var reader = try XMLReader(Array(text.utf8))
      try reader.finish()
    }
  }

  @Test func entitiesThatGrowAreRefused() {
    let bomb = """
      <!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;&lol;&lol;">]><lolz>&lol2;</lolz>
      """
    #expect(throws: XMLError.self) { try S3ListingDocument(Array(bomb.utf8)) }
    #expect(S3ErrorDocument(Array(bomb.utf8)) == nil)
  }

  @Test func limitsHold() {
    func error(_ text: String, _ change: (inout XMLLimits) -> Void) -> String? {
      var limits = XMLLimits()
      change(&limits)
      do {
        var reader = try XMLReader(Array(text.utf8), limits: limits)
        try reader.finish()
        return nil
      } catch { return "\(error)" }
    }
    let deep = String(repeating: "<a>", count: 20) + String(repeating: "</a>", count: 20)
    #expect(error(deep) { _ in }?.contains("16 elements") == true)
    #expect(error(deep) { $0.depth = 20 } == nil)
    #expect(error("<a>\(String(repeating: "x", count: 100))</a>") { $0.textBytes = 99 }?.contains("99 bytes") == true)
    #expect(error("<\(String(repeating: "x", count: 100))/>") { $0.nameBytes = 99 }?.contains("99 bytes") == true)
    #expect(error("<a>xxxx</a>") { $0.bytes = 5 }?.contains("5 bytes") == true)
    let two = "<ListBucketResult>" + String(repeating: "<Contents><Key>k</Key><Size>1</Size></Contents>", count: 2)
    #expect(throws: XMLError.self) { try S3ListingDocument(Array("\(two)</ListBucketResult>".utf8), maxEntries: 1) }
  }

  @Test func errorsAreRead() {
    let text = """
      <?xml version="1.0"?><Error><Code>PermanentRedirect</Code><Message>m</Message><Endpoint>b.s3.eu-west-1.amazonaws.com\
      </Endpoint><Region>eu-west-1</Region><RequestId>R</RequestId><ServerTime>2026-01-02T03:04:05Z</ServerTime></Error>
      """
    let document = S3ErrorDocument(Array(text.utf8))
    #expect(document?.code == "PermanentRedirect")
    #expect(document?.region == "eu-west-1")
    #expect(document?.requestID == "R")
    #expect(document?.serverTime == 1_767_323_045_000)
    let sts = "<ErrorResponse><Error><Code>AccessDenied</Code></Error><RequestId>Q</RequestId></ErrorResponse>"
    #expect(S3ErrorDocument(Array(sts.utf8))?.code == "AccessDenied")
    #expect(S3ErrorDocument(Array(sts.utf8))?.requestID == "Q")
    #expect(S3ErrorDocument(Array("<html>no</html>".utf8)) == nil)
  }

  @Test(arguments: [
    ("bytes 0-9/10", 0..<10, 10), ("bytes 5-5/10", 5..<6, 10),
  ]) func contentRangeIsRead(_ text: String, _ range: Range<Int>, _ size: Int) {
    let value = ContentRange(text)
    #expect(value?.range == range)
    #expect(value?.size == size)
  }

  @Test(arguments: [
    "", "bytes */10", "bytes 5-4/10", "bytes 0-10/10", "bytes 0-9/*", "bytes -1-9/10", "bytes 0-99999999999999999999/1",
    "items 0-9/10",
  ]) func whatIsNoContentRangeIsRefused(_ text: String) { #expect(ContentRange(text) == nil) }

  @Test func partsCoverTheObject() {
    for (size, part) in [(1, 1), (10, 3), (9, 3), (100_000, 1), (Int.max / 2, 8 << 20)] {
      let plan = PartPlan(size: size, partSize: part)
      #expect(plan.count <= 10_000)
      #expect(plan.range(0).lowerBound == 0)
      #expect(plan.range(plan.count - 1).upperBound == size)
      #expect(!plan.range(plan.count - 1).isEmpty)
    }
    #expect(PartPlan(size: 0, partSize: 8).count == 0)
  }
}
