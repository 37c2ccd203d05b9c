#include "store/certificate.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

namespace melmill {
namespace {

using nlohmann::json;

json Whole() {
  return {{"format", {{"name", "melmill certificate"}, {"version", 1}}},
          {"verdict", "pass"},
          {"store", {{"checksum", "0123456789abcdef"}}},
          {"reference", {{"packages", {{"transformers", "4.57.6"}}}}},
          {"rows", {{"chosen", 1000}, {"equal", 999}}},
          {"difference", {{"largest", 4.9e-4}}}};
}

TEST(CertificateTest, ReadsWhatInfoShows) {
  const auto certificate = ParseCertificate(Whole().dump());
  ASSERT_TRUE(certificate);
  EXPECT_TRUE(certificate->has_passed);
  EXPECT_EQ(certificate->store_checksum, "0123456789abcdef");
  EXPECT_EQ(certificate->num_rows, 1000U);
  EXPECT_EQ(certificate->num_equal, 999U);
  EXPECT_EQ(certificate->largest_difference, 4.9e-4);
  EXPECT_EQ(certificate->transformers, "4.57.6");
  json failed = Whole();
  failed["verdict"] = "fail";
  EXPECT_FALSE(ParseCertificate(failed.dump())->has_passed);
}

TEST(CertificateTest, RefusesEveryWrongField) {
  const json whole = Whole();
  for (const char* path :
       {"/format", "/format/name", "/format/version", "/verdict", "/store",
        "/store/checksum", "/reference/packages",
        "/reference/packages/transformers", "/rows/chosen", "/rows/equal",
        "/difference", "/difference/largest"}) {
    const json::json_pointer place(path);
    for (const json& wrong : {json(-1), json("x"), json(), json::array()}) {
      if (wrong.is_number() && place.back() == "largest") continue;
      if (wrong.is_string() && whole[place].is_string() &&
          place.back() != "name" && place.back() != "verdict") {
        continue;
      }
      json changed = whole;
      changed[place] = wrong;
      EXPECT_FALSE(ParseCertificate(changed.dump())) << path << " " << wrong;
    }
  }
}

TEST(CertificateTest, RefusesWhatIsNoObject) {
  const std::string whole = Whole().dump();
  for (const std::string& text :
       {std::string(), std::string("[]"), std::string("{"),
        whole.substr(0, whole.size() - 1), std::string(100'000, '['),
        std::string("\xff\0", 2)}) {
    EXPECT_FALSE(ParseCertificate(text)) << text.substr(0, 10);
  }
}

}  // namespace
}  // namespace melmill
